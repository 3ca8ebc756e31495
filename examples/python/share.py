"""Hand arrays to Java without copying them, and get results back the same way."""

import numpy as np

import tensorbridge as tb

with tb.open() as bridge:  # starts a private server; tb.open("unix:/path.sock") joins one
    # An array that is born in shared memory is never copied. Fill it like any other.
    weight = bridge.empty((1024, 1024), "float32")
    weight[:] = np.linspace(-1, 1, weight.size, dtype=np.float32).reshape(weight.shape)

    # The server reads the first and the last element: what crosses is a description, no bytes.
    print("first and last:", bridge.run("noop", {"weight": weight})["weight"])

    # Views of a shared array are described with their strides, and not copied either.
    print("of a view:", bridge.run("noop", {"view": weight.T[::2, 3:]})["view"])

    # An existing array is copied into shared memory once, by share() or by the call itself.
    shared = bridge.share(np.arange(10.0))
    result = bridge.run("copy", {"shared": shared, "ordinary": np.arange(5)})

# Arrays stay valid for as long as someone holds them, also after the bridge has gone.
print("copied:", result["shared"].tolist(), result["ordinary"].tolist())
