import numpy as np

from infwidth.limits.kernels.tracing import Branch, Trace, ratio


def test_ratio_of_zeros_is_zero():
    np.testing.assert_array_equal(ratio(np.array([1.0, 0.0, 3.0]), np.array([2.0, 0.0, 0.0])), [0.5, 0, 0])


def test_registers_are_used_again():
    trace = Trace()
    branch = Branch(0, np.ones(2), np.ones(2), gaussian=True)
    copy = trace.copy(branch)
    assert (copy.register, copy.gaussian, trace.registers) == (1, True, 2)
    trace.free.append(copy.register)
    assert trace.copy(branch).register == 1 and trace.copy(branch).register == 2 and trace.registers == 3
    program = trace.program(np.eye(2), branch)
    assert [step.code for step in program.steps] == ["COPY"] * 3 and program.registers == 3 and program.result == 0
