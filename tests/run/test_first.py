import pytest
from tests.support.night import Night, make_rows

async def test_a(tmp_path):
    night = Night(tmp_path)
    r = await night.run(make_rows(20))
    print(r)
    assert r.exit_code == 0
    assert set(night.orders().values()) == {1} and len(night.orders()) == 20
    r = await night.run(make_rows(20))
    assert r.exit_code == 0
    assert len(night.books.orders) == 20

@pytest.mark.parametrize("seed", range(6))
async def test_b(tmp_path, seed):
    night = Night(tmp_path, "drop-after=0.2", "error-after=0.1", "drop-before=0.1", "error-before=0.1", "junk-after=0.05", "list-error=0.1", seed=seed)
    r = await night.run(make_rows(100))
    print(r.exit_code, r.reasons, r.standing.states, r.elapsed_s, r.adopted)
    assert max(night.orders().values()) == 1, night.orders()
    assert len(night.orders()) == 100
    print(night.said)
