"""studies/spectrum.py: it trains, draws both matrices before and after, and draws them again from its file."""

import sys
from pathlib import Path


def test_it_draws_the_spectra_before_and_after(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "studies")
    options = "--data digits --network mlp --epochs 1 --batch-size 64 --count 3 --probes 2 --out"
    monkeypatch.setattr(sys, "argv", ["spectrum.py", *options.split(), str(tmp_path / "picture.png")])
    picture = tmp_path / "picture.png"
    try:
        __import__("spectrum").main()
        drawn = picture.read_bytes()
        picture.unlink()
        monkeypatch.setattr(sys, "argv", ["spectrum.py", "--draw", "--out", str(picture)])
        __import__("spectrum").main()
    finally:
        sys.modules.pop("spectrum", None)
    printed = capsys.readouterr().out
    assert picture.read_bytes() == drawn  # from the JSON file beside it
    assert printed.count("Hessian of objective: 4810 eigenvalues") == 2
    assert printed.count("Gauss-Newton matrix of model: 4810 eigenvalues") == 2
    assert len(drawn) > 10_000
