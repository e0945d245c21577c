"""What is counted in a compiled program, and the model of what it costs."""

import pytest
from numpy.testing import assert_allclose

from benchmarks.wire import LATENCY, Message, derived, messages, sent

PROGRAM = """
%all-reduce.1 = (f32[5,5,3,32]{3,2,1,0}, /*index=5*/f32[]) all-reduce(%a, %b), channel_id=1
%all-gather-start.2 = s32[128,16]{1,0} all-gather-start(%c), channel_id=2, dimensions={0}
%fusion = f32[7]{0} fusion(%all-reduce.1), kind=kLoop
"""


def test_messages_of_a_program():
    assert messages(PROGRAM) == [Message("all-reduce", 2401, 9604), Message("all-gather", 2048, 8192)]


@pytest.mark.parametrize(("devices", "rounds"), [(2, 2), (3, 4), (8, 6), (1024, 20)])
def test_a_ring_for_the_bytes_and_a_tree_for_the_latency(devices, rounds):
    bytes_sent = 2 * (devices - 1) / devices * 1_000_000
    assert_allclose(sent([1_000_000], devices, 25), bytes_sent * 8 / 25e9 + rounds * LATENCY)
    assert_allclose(sent([1_000_000] * 3, devices, 25), 3 * sent([1_000_000], devices, 25))
    assert sent([1_000_000], 1, 25) == 0.0


def test_the_numbers_that_are_derived():
    assert derived("basic", 145_578, "SGD") == 145_580
    assert derived("basic-bn", 145_962, "CurveBall") == 145_962 + 7 * 192 + 7
