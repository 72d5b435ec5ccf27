"""Runs one ONNX graph and ends: `python -m logistics_pipeline.models.onnx_worker FOLDER MEMORY_BYTES CPU_SECONDS`.

It reads `model.onnx` and `inputs.npz` from the folder and writes `output.npy`. The system ends it beyond its limits.
The graph is loaded from memory, where there is no folder beside it to read further data from.
"""

import resource
import sys
from pathlib import Path

import numpy as np


def main() -> None:
    """Sets the limits before the library is loaded."""
    folder, memory, seconds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import onnxruntime  # type: ignore[import-untyped,unused-ignore]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        (folder / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    with np.load(folder / "inputs.npz", allow_pickle=False) as given:
        wanted = {each.name: given[each.name] for each in session.get_inputs()}
    (output,) = session.run([session.get_outputs()[0].name], wanted)
    np.save(folder / "output.npy", np.asarray(output, dtype=np.float64).reshape(-1), allow_pickle=False)


if __name__ == "__main__":
    main()
