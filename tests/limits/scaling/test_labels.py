"""Vectors over neurons by labels: sums over neurons, and what never shows."""

from infwidth.limits.scaling import labels


def test_sums_over_neurons():
    u, v = labels.direction("w"), labels.direction("one", -0.25)
    both = labels.add(u, v)
    assert labels.dot(u, u) == 1  # m terms of one sign
    assert labels.dot(u, v) == 0.25  # m independent terms: m^{1/2}
    assert labels.dot(both, v) == 0.5  # the shared direction, m^{1 - 1/4 - 1/4}, against noise, m^{1/2 - 1/4}
    assert labels.dot(u, {}) == labels.NONE == labels.largest({})


def test_a_label_half_a_power_below_the_largest_never_shows():
    v = {"w": 0.0, "one": -0.5, "x": -0.49}
    thin = labels.thinned(v)
    assert set(thin) == {"w", "x"}
    for other in ({"one": 0.0}, {"w": 0.0}, {"x": -1.0, "one": -0.2}):
        assert labels.dot(thin, other) == labels.dot(v, other)
