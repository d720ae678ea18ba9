//! Warnings about nets that work but deserve a look: one file a lint.
