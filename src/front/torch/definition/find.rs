//! The other Lua files of a definition, by the names that `require` and `paths.dofile` are given.

use std::path::{Path, PathBuf};

use crate::front::project;

/// The path and text of a file that a definition in `folder` names; `asking` is the file with the call.
///
/// A path (`./x`, `layers/x.lua`) is relative to the file that asks, as in `paths.dofile` and in the `require` of `th`; a
/// name (`layers.x`, `layers/x`) to the folder of the definition. Files such as `models/x.lua` of a larger project name
/// others from the project's folder, so the folder above is searched as well; nothing outside of it is read.
pub(super) fn find(folder: &Path, name: &str, asking: Option<&Path>) -> Option<(PathBuf, String)> {
    let beside = asking.and_then(Path::parent).unwrap_or(folder);
    let above = folder.join("..");
    let stem = name.strip_suffix(".lua");
    let is_path = stem.is_some() || name.starts_with("./") || name.starts_with("../");
    let separators: &[char] = if is_path { &['/'] } else { &['.', '/'] };
    let mut inside = PathBuf::new();
    for part in stem.unwrap_or(name).split(separators) {
        let plain = part.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
        let step = is_path && [".", ".."].contains(&part);
        // Files may have points in their names, folders have none.
        let dotted = is_path && !part.starts_with('.');
        let dotted = dotted && part.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
        if part.is_empty() || !(plain || step || dotted) {
            return None;
        }
        inside.push(part);
    }
    let file = inside.file_name()?.to_string_lossy().into_owned();
    let candidates = [inside.with_file_name(format!("{file}.lua")), inside.join("init.lua")];
    let roots = match is_path {
        true => [beside, folder, &above],
        false => [folder, &above, beside],
    };
    project::read(folder, &roots, &candidates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_beside_the_one_that_asks_and_not_outside() {
        let root = tempfile::tempdir().expect("a folder");
        let project = root.path().join("project");
        let write = |path: &str| {
            let path = project.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, "return 1").expect("a file");
        };
        for path in ["models/net.lua", "models/layers/a.lua", "models/layers/b.v2.lua", "util.lua"]
        {
            write(path);
        }
        write("../outside.lua");
        write("models/blocks/init.lua");
        let folder = project.join("models");
        let models = folder.clone();
        let (net, layer) = (folder.join("net.lua"), folder.join("layers/a.lua"));
        let found = |name: &str, asking: &Path| {
            let path = find(&folder, name, Some(asking))?.0;
            Some(path.strip_prefix(&project).expect("inside").to_str().expect("text").to_owned())
        };
        let is = |name: &str, asking: &Path, path: &str| {
            assert_eq!(found(name, asking).as_deref(), Some(path), "{name}");
        };
        is("layers/a.lua", &net, "models/layers/a.lua");
        is("layers.a", &net, "models/layers/a.lua");
        is("models/layers/a.lua", &net, "models/layers/a.lua");
        is("./a", &layer, "models/layers/a.lua");
        is("a.lua", &layer, "models/layers/a.lua");
        is("b.v2.lua", &layer, "models/layers/b.v2.lua");
        is("../net", &layer, "models/net.lua");
        is("../../util.lua", &layer, "util.lua");
        is("util", &layer, "util.lua");
        is("blocks", &net, "models/blocks/init.lua");
        std::fs::write(models.join("accent.lua"), b"return '\xe9'").expect("a file");
        let text = find(&folder, "accent", None).expect("a file of any bytes").1;
        assert_eq!(crate::file::original_bytes(&text), b"return '\xe9'");
        #[cfg(unix)]
        {
            use std::os::unix::fs::symlink;
            symlink(root.path().join("outside.lua"), models.join("leads_out.lua")).expect("a link");
            symlink("net.lua", models.join("stays.lua")).expect("a link");
            is("stays", &net, "models/stays.lua");
            assert_eq!(found("leads_out", &net), None);
        }
        for outside in ["../../../outside.lua", "../../outside", "/etc/passwd", "..", "a//b", ""] {
            assert_eq!(found(outside, &layer), None, "{outside}");
        }
    }
}
