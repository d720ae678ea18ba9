//! Turns a Jupyter notebook into the program of its cells.
//!
//! What IPython adds to Python (`%matplotlib inline`, `!ls`, `%%bash` at the head of a cell) becomes a comment: it shows, measures
//! and loads, and changes no net. The format is that of nbformat 3 and 4.

use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};

#[derive(Deserialize)]
struct Notebook {
    #[serde(default)]
    cells: Vec<Cell>,
    /// Where nbformat 3 has the cells.
    #[serde(default)]
    worksheets: Vec<Worksheet>,
}

#[derive(Deserialize)]
struct Worksheet {
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    cell_type: String,
    #[serde(default, alias = "input")]
    source: Lines,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    Whole(String),
    Each(Vec<String>),
}

impl Default for Lines {
    fn default() -> Self {
        Lines::Each(vec![])
    }
}

/// Magics at the head of a cell whose other lines are Python.
const OF_PYTHON: [&str; 4] = ["%%time", "%%timeit", "%%capture", "%%prun"];

/// The program of the code cells of a notebook, one after the other; each begins with a comment that counts them.
///
/// # Errors
/// The text is no notebook.
pub fn program(path: &Path, text: &str) -> Result<String> {
    let notebook: Notebook = serde_json::from_str(text)
        .map_err(|why| Error::format(path, format!("is no notebook: {why}")))?;
    let sheets = notebook.worksheets.into_iter().flat_map(|sheet| sheet.cells);
    let cells = notebook.cells.into_iter().chain(sheets).filter(|cell| cell.cell_type == "code");
    let mut program = String::new();
    for (number, cell) in cells.enumerate() {
        let text = match cell.source {
            Lines::Whole(text) => text,
            Lines::Each(lines) => lines.concat(),
        };
        program.push_str(&format!("# In[{}]:\n", number + 1));
        let head = text.split_whitespace().next().unwrap_or_default();
        let is_other = head.starts_with("%%") && !OF_PYTHON.contains(&head);
        for line in text.lines() {
            let code = line.trim_start();
            let (indent, _) = line.split_at(line.len() - code.len());
            match is_other || is_of_ipython(code) {
                // A block may have no other statement.
                true => program.push_str(&format!("{indent}pass  # {code}\n")),
                false => program.push_str(&format!("{line}\n")),
            }
        }
    }
    Ok(program)
}

/// Whether a line is for IPython. A line that goes on with a `%` for a remainder has no letter behind it.
fn is_of_ipython(code: &str) -> bool {
    let magic = code.trim_start_matches('%');
    let is_magic = magic.len() < code.len() && magic.starts_with(|c: char| c.is_ascii_alphabetic());
    is_magic || code.starts_with(['!', '?']) || (code.ends_with('?') && !code.contains('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_one_program() {
        let cells = r##"{"cells": [
            {"cell_type": "markdown", "source": ["# LeNet"]},
            {"cell_type": "code", "source": ["%matplotlib inline\n", "if x:\n", "    !ls\n", "y = 7 \\\n", "  % 3"], "outputs": []},
            {"cell_type": "code", "source": "%%bash\ncd ..\nls"},
            {"cell_type": "code", "source": "%%time\nz = 1\nhelp?"}
        ], "metadata": {}, "nbformat": 4}"##;
        let want = "# In[1]:\npass  # %matplotlib inline\nif x:\n    pass  # !ls\ny = 7 \\\n  % 3\n# In[2]:\npass  # %%bash\npass  # cd ..\n\
            pass  # ls\n# In[3]:\npass  # %%time\nz = 1\npass  # help?\n";
        assert_eq!(program(Path::new("a.ipynb"), cells).unwrap(), want);
        let old = r#"{"worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1"]}]}], "nbformat": 3}"#;
        assert_eq!(program(Path::new("a.ipynb"), old).unwrap(), "# In[1]:\na = 1\n");
        let why = program(Path::new("a.ipynb"), "layer {").unwrap_err().to_string();
        assert!(why.contains("a.ipynb") && why.contains("is no notebook"), "{why}");
    }
}
