//! Reads and writes parameters: .caffemodel, .solverstate, .binaryproto, .safetensors.
