"""What numba cannot say in Python: two pieces of machine code for :mod:`.block_passes`.

They are compiled into its functions, whose cache on disk knows the age of its own file alone. So that file holds a checksum of this one
(and of :mod:`.elementary` and :mod:`.series`), and a test fails until a change here has changed it too.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["BYTES", "ROWS", "VECTORS", "power_of_two", "tile"]

ROWS = 4  # of a tile
VECTORS, BYTES = (4, 64) if get_host_cpu_features().get("avx512f") else (2, 32)  # of its rows: so many as there are registers for


@intrinsic
def power_of_two(typing_context: Any, exponent: Any) -> Any:
    """2**n of an int64 in the range of normal numbers, by its bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bias, mantissa = (context.get_constant(types.int64, number) for number in (1023, 52))
        bits = builder.shl(builder.add(arguments[0], bias), mantissa)
        return builder.bitcast(bits, context.get_value_type(types.float64))

    return types.float64(types.int64), generate


@intrinsic
def tile(typing_context: Any, A: Any, B: Any, C: Any, row: Any, column: Any, depth: Any, add: Any) -> Any:
    """C[row : row + ROWS, column : ...] = A B, or += where ``add``: a tile of VECTORS vectors wide, held in registers while it is summed
    over the ``depth`` columns of A. As loops over arrays the sums would go through memory."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = [
            context.make_array(type_)(context, builder, value=value) for type_, value in zip(signature.args, arguments[:3], strict=False)
        ]
        row, column, depth, add = arguments[3:]
        number, index = context.get_value_type(signature.args[0].dtype), ir.IntType(64)
        align = signature.args[0].dtype.bitwidth // 8
        lanes = BYTES // align
        vector = ir.VectorType(number, lanes)

        def address(array: Any, i: Any, j: Any, type_: Any) -> Any:
            strides = cgutils.unpack_tuple(builder, array.strides, 2)
            offset = builder.add(builder.mul(i, strides[0]), builder.mul(j, strides[1]))
            return builder.inttoptr(builder.add(builder.ptrtoint(array.data, index), offset), type_.as_pointer())

        def load(pointer: Any) -> Any:
            value = builder.load(pointer)
            value.align = align
            return value

        rows = [builder.add(row, index(i)) for i in range(ROWS)]
        columns = [builder.add(column, index(v * lanes)) for v in range(VECTORS)]
        targets = [address(arrays[2], i, j, vector) for i in rows for j in columns]
        start, before = builder.block, builder.append_basic_block()
        loop, end = builder.append_basic_block(), builder.append_basic_block()
        builder.cbranch(add, before, loop)
        builder.position_at_end(before)
        old = [load(target) for target in targets]
        builder.branch(loop)
        builder.position_at_end(loop)
        k, sums = builder.phi(index), [builder.phi(vector) for _ in targets]
        right = [load(address(arrays[1], k, j, vector)) for j in columns]
        new = []
        for i in range(ROWS):
            left = builder.insert_element(vector(ir.Undefined), load(address(arrays[0], rows[i], k, number)), ir.IntType(32)(0))
            left = builder.shuffle_vector(left, vector(ir.Undefined), ir.VectorType(ir.IntType(32), lanes)([0] * lanes))
            for v in range(VECTORS):
                product = builder.fmul(left, right[v], flags=["contract"])
                new.append(builder.fadd(sums[i * VECTORS + v], product, flags=["contract"]))
        following = builder.add(k, index(1))
        zeros, old, new = [vector([0.0] * lanes)] * len(sums), [index(0), *old], [following, *new]
        for phi, first, kept, later in zip([k, *sums], [index(0), *zeros], old, new, strict=True):
            phi.add_incoming(first, start)
            phi.add_incoming(kept, before)
            phi.add_incoming(later, loop)
        builder.cbranch(builder.icmp_signed("<", following, depth), loop, end)
        builder.position_at_end(end)
        for target, value in zip(targets, new[1:], strict=True):
            builder.store(value, target).align = align
        return context.get_dummy_value()

    return types.void(A, B, C, types.intp, types.intp, types.intp, types.boolean), generate
