"""Work done ahead by threads: in order, no further ahead than it should be, and without what is left out."""

import threading
import time

import pytest

from problems.vision.ahead import Ahead


def jobs(count, done, slow=()):
    def work(k):
        time.sleep(0.02 if k in slow else 0.0)
        done.append(k)
        return k

    for k in range(count):
        drawn.append(k)
        yield (lambda k=k: work(k)), (lambda result: (result, threading.current_thread()))


drawn: list[int] = []


@pytest.fixture(autouse=True)
def _fresh():
    drawn.clear()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_in_order_and_finished_by_the_caller(threads):
    done = []
    found = list(Ahead(jobs(12, done, slow={0, 3, 4}), threads))
    assert [k for k, _ in found] == list(range(12))
    assert sorted(done) == list(range(12))
    assert {thread for _, thread in found} == {threading.current_thread()}


def test_a_few_ahead():
    ahead = Ahead(jobs(20, []), 2)
    assert drawn == []
    assert next(ahead)[0] == 0
    assert drawn == [0, 1, 2]
    assert next(ahead)[0] == 1
    assert drawn == [0, 1, 2, 3]


def test_what_is_skipped_is_drawn_but_not_done():
    done = []
    ahead = Ahead(jobs(10, done), 2)
    ahead.skip(6)
    assert [k for k, _ in ahead] == [6, 7, 8, 9]
    assert drawn == list(range(10))
    assert sorted(done) == [6, 7, 8, 9]
    assert next(ahead, None) is None


def test_skipped_in_between_and_past_the_end():
    ahead = Ahead(jobs(10, []), 2)
    next(ahead)
    ahead.skip(4)
    assert next(ahead)[0] == 5
    ahead.skip(100)
    assert list(ahead) == []


def test_an_error_comes_with_its_result():
    def fail():
        raise OSError("no more")

    ahead = Ahead(iter([(lambda: 1, str), (fail, str), (lambda: 2, str)]), 2)
    assert next(ahead) == "1"
    with pytest.raises(OSError, match="no more"):
        next(ahead)


def test_threads_end_with_the_object():
    others = set(threading.enumerate())
    ahead = Ahead(jobs(1000, []), 3)
    next(ahead)
    own = set(threading.enumerate()) - others
    assert own
    del ahead
    for thread in own:
        thread.join(5.0)
        assert not thread.is_alive()
