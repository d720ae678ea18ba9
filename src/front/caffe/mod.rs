//! Caffe: protobuf text format to `ir::Definition`.
