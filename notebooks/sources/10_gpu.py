# %% [markdown]
# # 10. On a GPU
#
# > **You will** start on a machine that has none of this, as Colab or a JupyterHub; find its GPU; train
# > the CIFAR-10 network with batch normalisation there for several epochs; and go on after the machine
# > was taken away. Without a GPU the same runs in small, in a minute.
# >
# > **You need** notebook 8 (the network), and a browser.
# >
# > **Minutes** 30, and on a GPU the training.
# >
# > Exercises are marked; each is followed by a checkpoint that says whether the answer is right.
# > Stuck? `hint(...)` gives one more hint each time, `hint("10.1", solution=True)` lets you go on.
# > Solutions: [solutions/10_gpu.ipynb](solutions/10_gpu.ipynb).
# > All notebooks share [one notation](../docs/notation.md).
#
# ## Install, and change nothing
#
# A machine like Colab comes with NumPy, PyTorch and a hundred packages that fit together. An
# installation that replaces one of them can break the others. So this cell first looks whether the
# package is there. If not, it tells pip to keep the version of every package that it finds. Where that
# cannot be, pip stops, says why, and has changed nothing.

# %% tags=["varies"]
import importlib
import importlib.util
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

SOURCE = "curveball-course"  # for pip: a name, the path of a wheel or a checkout, git+https://...


def is_here():
    """Whether the course's package can be imported; others have a package of the same name."""
    found = importlib.util.find_spec("curveball")
    return bool(found and found.origin) and (Path(found.origin).parent / "course").is_dir()


def install(source):
    """Install a package and what it lacks; each package that is here stays at its version."""
    held = {}
    for package in metadata.distributions():  # in the order in which they are imported
        if package.name:
            held.setdefault(package.name.lower(), f"{package.name}=={package.version}")
    with tempfile.TemporaryDirectory() as folder:
        versions = Path(folder) / "held.txt"
        versions.write_text("\n".join(held.values()))
        command = [sys.executable, "-m", "pip", "install", "--constraint", str(versions), source]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        said = "\n".join(done.stdout.splitlines()[-15:])
        raise SystemExit(f"{said}\n\nNothing was changed. Its own environment helps: python -m venv")
    importlib.invalidate_caches()


if not is_here():
    install(SOURCE)
import minigrad as mg

print(f"curveball {mg.__version__} in Python {sys.version.split()[0]}")

# %%
import json
import tracemalloc

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display

from curveball.course import checkpoint, committed, hint, predict
from curveball.solvers.registry import solver_from
from curveball.training.devices import backend_facts, choose, device_info, to_backend
from curveball.training.options import TrainOptions
from curveball.training.train import train
from problems import Classification, load, network
from problems.data import Dataset

plt.style.use("curveball.course.style")

# %% [markdown]
# ## Which device?
#
# minigrad computes where its arrays are. So the device is chosen by choosing the library that makes the
# arrays: CuPy and PyTorch have arrays on a GPU of NVIDIA, NumPy has them on the processor. Here is what
# there is. (In a terminal: `curveball info`.)

# %% tags=["varies"]
facts = backend_facts()
for name, about in facts.items():
    print(f"{name:6}", about.get("reason") or ", ".join(about["devices"]))

# %% [markdown]
# ### Exercise 10.1: the best one ★☆☆
#
# Return the backend and its device, as in `("torch", "cuda:0")`. PyTorch is best where it has a GPU,
# as it brings cuDNN's convolutions; then CuPy, with its first GPU, `"0"`; else take NumPy on the
# `"cpu"`. Facts are as above: a dictionary for each library. One that cannot be used has a `"reason"` and
# no `"devices"`. PyTorch's devices are texts as `"cpu"` and `"cuda:0 (NVIDIA L4)"`.


# %% tags=["exercise"]
def best_backend(facts):
    """Return the name of a backend and of its device."""
    ### BEGIN SOLUTION
    gpus = [text.split()[0] for text in facts["torch"].get("devices", ()) if text.startswith("cuda")]
    if gpus:
        return "torch", gpus[0]
    if facts["cupy"].get("devices"):
        return "cupy", "0"
    return "numpy", "cpu"
    ### END SOLUTION


# %% tags=["wrong"]
# if gpus: => if facts["torch"].get("devices"):
# startswith("cuda") => startswith("c")
# text.split()[0] => text
# return "cupy", "0" => return "numpy", "cpu"
# if facts["cupy"].get("devices"): => if "cupy" in facts:
# return "numpy", "cpu" => return "torch", "cpu"
# return "torch", gpus[0] => return "torch", gpus[-1]
# return "torch", gpus[0] => return "torch", "cuda"
# return "torch", gpus[0] => return "torch"
# return "cupy", "0" => return "cupy", 0
#
# def best_backend(facts):
#     return ("cupy", "0") if facts["cupy"].get("devices") else ("numpy", "cpu")
#
# def best_backend(facts):
#     if facts["cupy"].get("devices"):
#         return "cupy", "0"
#     gpus = [text.split()[0] for text in facts["torch"].get("devices", ()) if text.startswith("cuda")]
#     return ("torch", gpus[0]) if gpus else ("numpy", "cpu")
#
# def best_backend(facts):
#     gpus = [text.split()[0] for text in facts["torch"]["devices"] if text.startswith("cuda")]
#     return ("torch", gpus[0]) if gpus else ("cupy", "0") if facts["cupy"].get("devices") else ("numpy", "cpu")

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 10.1: run this cell.
missing = {"reason": "CuPy finds no GPU"}
machines = {
    "Colab": {"torch": {"devices": ["cpu", "cuda:0 (Tesla T4)"]}, "cupy": missing},
    "two GPUs": {"torch": {"devices": ["cpu", "cuda:0 (L4)", "cuda:1 (L4)"]}, "cupy": {"devices": ["0 (L4)"]}},
    "PyTorch without CUDA": {"torch": {"devices": ["cpu"]}, "cupy": {"devices": ["0 (L4)"]}},
    "a laptop": {"torch": {"devices": ["cpu"]}, "cupy": missing},
    "NumPy alone": {"torch": {"reason": "PyTorch is not installed"}, "cupy": missing},
}
checkpoint(
    "10.1",
    lambda: {name: best_backend(there) for name, there in machines.items()},
    {
        "Colab": ("torch", "cuda:0"),
        "two GPUs": ("torch", "cuda:0"),
        "PyTorch without CUDA": ("cupy", "0"),
        "a laptop": ("numpy", "cpu"),
        "NumPy alone": ("numpy", "cpu"),
    },
    likely="a library without devices was taken, or PyTorch on a machine where it has no GPU",
)

# %% tags=["hint"]
hint("10.1")
# 1. Which texts in `facts["torch"]["devices"]` are GPUs, and is the key always there?
# 2. Collect the names of PyTorch's GPUs, the first word of each text that begins with `cuda`; `get` with
#    an empty default serves a library that cannot be used. Then ask the three libraries in order.
# 3. `gpus = [text.split()[0] for text in facts["torch"].get("devices", ()) if text.startswith("cuda")]`

# %% [markdown]
# ## The data
#
# `load("cifar10")` downloads 163 MB if they are not on this machine, compares the SHA-256 of what comes
# with the one in [cifar.py](../problems/data/cifar.py), and reads the files without unpickling
# anything. (In a terminal: `curveball data fetch cifar10`. With `MINIGRAD_DATA_DIR` they go to a folder
# that outlives the machine.) On a GPU that is what we train on. On a processor an epoch would take
# minutes, so there we draw 512 small pictures instead: stripes, whose direction is the class.


# %%
def stripes(count, rng):
    """Images of 32 x 32 pixels, stripes in ten directions and two random colours; and labels."""
    labels = rng.integers(10, size=count)
    angle = (np.pi * labels / 10)[:, None, None]
    x, y = np.meshgrid(np.arange(32), np.arange(32))
    phase = rng.uniform(0.0, 2.0 * np.pi, (count, 1, 1))
    wave = 0.5 + 0.5 * np.sin(0.8 * (np.cos(angle) * x + np.sin(angle) * y) + phase)[..., None]
    one, other = rng.uniform(0.0, 255.0, (2, count, 1, 1, 3))
    noise = rng.normal(0.0, 20.0, (count, 32, 32, 3))
    return np.clip(wave * one + (1.0 - wave) * other + noise, 0, 255).astype(np.uint8), labels


rng = np.random.default_rng(0)
small = Dataset.of("stripes", tuple(map(str, range(10))), stripes(512, rng), stripes(256, rng))
backend, device = best_backend(facts)
FULL = backend != "numpy"  # True trains on CIFAR-10 here too
data = load("cifar10") if FULL else small

fig, axes = plt.subplots(1, 10, figsize=(9.6, 1.3))
for k, ax in enumerate(axes):
    ax.imshow(data.train_images[np.argmax(data.train_labels == k)])
    ax.set(title=data.classes[k], xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## Training
#
# The data go to the device once, as bytes. Everything else follows the arrays: the network, the
# linear maps of its derivative, the solver. A step must not ask for a number, as a question such as
# "is the loss finite?" makes the processor wait until the GPU is done with all it was given. So $\rho$,
# $\beta$ and the loss stay on the device, and the log copies them every 50th step only.
#
# CurveBall takes $z \leftarrow \rho z - \beta d$, $w \leftarrow w + z$ with its numbers from running sums
# over batches (notebook 8); SGD has the best learning rate of a grid on CIFAR-10.

# %% tags=["varies"]
xp = choose(backend, device)
batch_size = 128 if FULL else 64
problem = Classification(to_backend(data, xp), network("basic-bn"), batch_size, augment=FULL)
options = TrainOptions(epochs=5 if FULL else 3, seed=0, log_every=50 if FULL else 1, quiet=True)
runs = {}
for name in ("curveball:average=0.9", "sgd:lr=0.03"):
    run = runs[name] = train(problem, solver_from(name), options, name=name)
    for epoch in run.epochs:
        print(
            f"{name:22} epoch {epoch['epoch']}: training loss {epoch['train_loss']:.3f}, "
            f"validation error {100 * epoch['validation_error']:.0f}%, {epoch['seconds']:.1f} s so far"
        )

# %% tags=["varies", "hide-input"]
# Loss against steps and against seconds.
fig, axes = plt.subplots(1, 2, figsize=(9.6, 3.4), sharey=True)
for name, run in runs.items():
    losses = [step["loss"] for step in run.steps]
    axes[0].plot([step["step"] for step in run.steps], losses, label=name)
    axes[1].plot([step["seconds"] for step in run.steps], losses, label=name)
where = device_info(problem.data.train_images)["device"]
axes[0].set(xlabel="step", ylabel=f"training loss, {data.name}")
axes[1].set(xlabel=f"seconds on {where}")
axes[0].legend()
plt.show()

# %% [markdown]
# Look at both axes. Per step CurveBall ends ahead in these few epochs. Per second its step must be paid: with
# $F$ for one evaluation of the network it takes $7F$, SGD's $3F$
# ([why](../tests/derivations/test_12_cost.py)).
#
# ## A full run, and how long it takes
#
# The log of ten epochs of CIFAR-10 with four solvers comes with the course. The figure shows it, and the
# table how long an epoch took.
#
# **Predict.** Which validation error is lowest after ten epochs?
#
# - (a) CurveBall's, as it leads in the first epochs
# - (b) SGD's or Adam's, by some percent: their rates are tuned
# - (c) none by much: all four are within two percent

# %% tags=["predict"]
predict("abc")


# %% tags=["hide-input", "hide-output"]
# The figure: run this cell, then open its output.
log = json.loads(committed("cifar10-basic-bn.json").read_text())
fig, ax = plt.subplots(figsize=(6.4, 3.6))
rows = ["| device | solver | seconds for an epoch |", "|---|---|---|"]
for run in log["runs"]:
    ax.plot(
        [epoch["epoch"] for epoch in run["epochs"]],
        [100 * epoch["validation_error"] for epoch in run["epochs"]],
        label=run["solver"],
    )
    seconds = run["epochs"][-1]["seconds"] / len(run["epochs"])
    device_name = f"{log['cores']} cores of {log['processor']}, NumPy"
    rows.append(f"| {device_name} | `{run['solver']}` | {seconds:.0f} |")
rows.append("| any GPU | | not yet measured |")
ax.set(xlabel="epoch", ylabel="validation error, %", title="CIFAR-10, basic-bn, batches of 128")
ax.legend()
plt.show()
display(Markdown("\n".join(rows)))

# %% [markdown] tags=["answer"]
# **(c)**: after ten epochs all four are level, and SGD and Adam took half the time. That holds for this
# network.

# %% [markdown]
# No time on a GPU has been measured yet, and so none is promised here. This command measures it, on
# your device, with the solvers of the table:
#
#     curveball compare --data cifar10 --network basic-bn --batch-size 128 --epochs 1 --augment \
#         --solver curveball --solver curveball:average=0.9 --solver sgd:lr=0.03 --solver adam:lr=0.003 \
#         --backend torch --log-every 50
#
# With `--compile` a step is one program (on a GPU by PyTorch: a CUDA graph), which saves the time to
# launch its kernels one by one. `--tf32` lets a GPU of compute capability 8 or more multiply with 10
# bits of the fraction instead of 23: faster, and less exact.
#
# ## When memory is short
#
# The tape of a batch holds the input of every layer, until the sweeps are done. So the memory of a step
# is, with $B$ images in a batch,
#
# $$m(B) = m_0 + m_1 B .$$
#
# $m_0$ is what does not depend on the batch: $w$, $z$, the gradients, the kernels' own buffers. $m_1$
# is the tape of one image, and $m_1 B$ is nearly all. Two measurements, $m(B_1)$ and $m(B_2)$, give
# both numbers.
#
# ### Exercise 10.2: the largest batch ★★☆
#
# Return the largest $B$ with $m(B) \le M$, where $M$ is the memory in bytes, from two measured
# batch sizes $B_1 < B_2$; 0 if there is none.


# %% tags=["exercise"]
def largest_batch(measured, memory):
    """Return the largest batch that fits, from bytes by batch size, `{B_1: m(B_1), B_2: m(B_2)}`."""
    ### BEGIN SOLUTION
    (few, low), (many, high) = sorted(measured.items())
    per_image = (high - low) / (many - few)
    fixed = low - per_image * few
    return max(0, int((memory - fixed) // per_image))
    ### END SOLUTION


# %% tags=["wrong"]
# (high - low) / (many - few) => high / many
# fixed = low - per_image * few => fixed = 0.0
# fixed = low - per_image * few => fixed = low
# return max(0, int((memory - fixed) // per_image)) => return int((memory - fixed) // per_image)
# int((memory - fixed) // per_image) => int(memory // per_image)
# int((memory - fixed) // per_image) => round((memory - fixed) / per_image)
# int((memory - fixed) // per_image) => int(memory / (high / many))
# sorted(measured.items()) => sorted(measured.items(), reverse=False)[::-1][:1] * 2
# return max(0, int((memory - fixed) // per_image)) => return max(many, int((memory - fixed) // per_image))
#
# def largest_batch(measured, memory):
#     return max((size for size, used in measured.items() if used <= memory), default=0)
#
# def largest_batch(measured, memory):
#     (few, low), (many, high) = sorted(measured.items())
#     return max(0, int(many * memory // high))

# %% tags=["checkpoint", "hide-input"]
# Checkpoint 10.2: run this cell.
checkpoint(
    "10.2",
    lambda: [largest_batch({16: 60e6, 32: 110e6}, memory) for memory in (1e9, 2e9, 68e6, 5e6)],
    [316, 636, 18, 0],
    likely="m_0 is missing, or the batch was rounded up, or is negative",
)

# %% tags=["hint"]
hint("10.2")
# 1. Two points determine a line. What are its slope and its value at $B = 0$?
# 2. The slope is $m_1$, the difference of the bytes over the difference of the sizes; $m_0$ is what is left
#    of one measurement. Solve $m_0 + m_1 B \le M$ for a whole $B$ that is not negative.
# 3. `per_image = (high - low) / (many - few)`, and `fixed = low - per_image * few`

# %% [markdown]
# Measured for one step of CurveBall with the network above, on the processor:


# %% tags=["varies"]
def peak_bytes(batch_size):
    """The most memory that a step takes at once."""
    given = Classification(small, network("basic-bn"), batch_size)
    rng = np.random.default_rng(0)
    params, batch, solver = given.init(rng), given.batch(rng), solver_from("curveball")
    tracemalloc.start()
    solver.step(
        params,
        solver.init(params),
        lambda w: given.model(w, batch),
        lambda y: given.loss(y, batch),
        has_aux=True,
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


measured = {size: peak_bytes(size) for size in (16, 32)}
for size, peak in measured.items():
    print(f"a batch of {size}: {peak / 1e6:.0f} MB")
print(f"in 16 GB the largest batch is about {largest_batch(measured, 16e9):,}")

# %% [markdown]
# If a GPU runs out of memory, in this order:
#
# 1. A smaller batch, `--batch-size 64`: half of $m_1 B$. More steps make an epoch, each with a noisier
#    gradient, so SGD's and Adam's learning rates have to be found again.
# 2. Another device of the machine, `--device cuda:1`; or several together, `--backend jax --devices 4`,
#    each with its part of the batch.
# 3. Restart the kernel: what an earlier cell keeps alive is still there. PyTorch and CuPy also hold what
#    they once had; `curveball train` logs how much.
#
# `--tf32` and `--compile` save time. They do not save memory.
#
# ## When the machine is taken away
#
# Colab ends after some hours, a JupyterHub when it is idle. What is in memory is lost, and on Colab the
# disk too. With a folder, training writes a checkpoint after each epoch and every ten minutes. It holds
# $w$, $z$, $\lambda$, the statistics of batch normalisation, the order of the batches and the state of
# the random numbers, so a run that goes on makes the steps that it would have made. Try it: one epoch,
# then the second one from the checkpoint, compared with two at once.

# %%
few = Classification(to_backend(small, xp), network("basic-bn"), 64)
solver = solver_from("curveball:average=0.9")
with tempfile.TemporaryDirectory() as folder:
    train(few, solver, TrainOptions(epochs=1, quiet=True), folder=Path(folder))
    resumed = train(few, solver, TrainOptions(epochs=2, quiet=True, resume=True), folder=Path(folder))
at_once = train(few, solver, TrainOptions(epochs=2, quiet=True))
pairs = zip(*(mg.tree_flatten(run.params)[0] for run in (resumed, at_once)), strict=True)
apart = max(float(np.abs(mg.to_numpy(a) - mg.to_numpy(b)).max()) for a, b in pairs)
print("the same params" if apart == 0.0 else f"the params are apart by {apart:.1e}")

# %% [markdown]
# (On a GPU sums may come in another order in each run; there the params agree up to rounding.)
#
# On Colab the folder must be on your Drive, which stays:
#
#     from google.colab import drive
#     drive.mount("/content/drive")
#
#     !curveball train --data cifar10 --network basic-bn --batch-size 128 --epochs 40 --augment \
#         --solver curveball:average=0.9 --backend torch --compile --log-every 50 \
#         --save-every 5min --out /content/drive/MyDrive/curveball
#
# After the machine was taken away: mount the Drive again, install, and give the same command with
# `--resume`. The backend may be another one: a run from a GPU goes on without one.
#
# ## Open problems
#
# 1. A step of CurveBall reads its tape three times. Which layers would you evaluate again instead of keeping
#    their inputs, so that $m_1$ halves and a step takes no more than a third longer?
# 2. A CurveBall step launches twice as many kernels as one of SGD. From which batch size on does that not
#    matter on your GPU, and can you predict it from the two times of one batch size?
#
# ## What real systems do differently
#
# - PyTorch and JAX keep less of the tape where memory is short: they evaluate layers again in the
#   backward sweep (`torch.utils.checkpoint`, `jax.checkpoint`). With a tape read three times, as
#   CurveBall's is, this costs an evaluation for each sweep.
# - They train in bfloat16 and keep sums in float32, which halves $m_1$. minigrad computes in float32 or
#   float64.
# - Clusters write checkpoints from all machines at once, each its part.
#
# ## Further reading
#
# - A. Griewank, A. Walther, *Algorithm 799: revolve*, ACM TOMS 26(1), 2000: which parts of a tape to keep.
# - T. Chen, B. Xu, C. Zhang, C. Guestrin, *Training deep nets with sublinear memory cost*, 2016.
# - P. Micikevicius and others, *Mixed precision training*, ICLR 2018.
# - [Devices](../docs/devices.md): all backends, many devices, many machines.
#
# ## Where you are
#
# You can take the package to a machine that you do not own, find out what it can do, and leave with a
# trained network. To train on pictures of your own, read [Data of your own](../docs/own_data.md).
