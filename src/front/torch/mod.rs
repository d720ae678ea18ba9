//! Torch7: Lua definitions to `ir::Definition`.
