//! Where windows go, what a batch consists of, and what is said about files that do not fit.

use super::*;

fn options() -> WindowOptions {
    WindowOptions {
        root: String::new(),
        fg_threshold: 0.5,
        bg_threshold: 0.5,
        fg_fraction: 0.25,
        context_pad: 0,
        square: false,
        side: 8,
        cache: false,
        mirror: false,
        mean: Mean::None,
        scale: 1.0,
    }
}

#[test]
fn places() {
    let check = |options: WindowOptions, corners, mirror, expected: [[usize; 2]; 4]| {
        let [corner, size, target, offset] = expected;
        let placed = options.place(corners, [20, 30], mirror).unwrap();
        assert_eq!(placed, Placed { corner, size, target, offset });
    };
    check(options(), [2, 3, 10, 4], false, [[3, 2], [2, 9], [8, 8], [0, 0]]);
    let padded = WindowOptions { context_pad: 2, ..options() };
    // A window of 4 x 4 is widened twofold about its centre (12, 12): from 8 to 16, both included.
    check(padded.clone(), [10, 10, 13, 13], false, [[8, 8], [9, 9], [8, 8], [0, 0]]);
    // In the corner of the image 2 of 9 rows and columns are outside: 2 * 8 / 9 rounds to 2, 7 * 8 / 9 to 6.
    check(padded.clone(), [0, 0, 3, 3], false, [[0, 0], [7, 7], [6, 6], [2, 2]]);
    // Mirrored, the zeros on the left become zeros on the right.
    check(padded, [0, 0, 3, 3], true, [[0, 0], [7, 7], [6, 6], [2, 0]]);
    let square = WindowOptions { square: true, ..options() };
    // 2 columns, 6 rows about (10, 13): both axes reach 3 to either side.
    check(square, [9, 10, 10, 15], false, [[10, 7], [7, 7], [8, 8], [0, 0]]);
    assert!(options().place([0, 0, 30, 3], [20, 30], false).is_none());
}

/// A file of one image with a window of each kind; pixels are the number of their column, in all channels.
fn written(folder: &Path) -> PathBuf {
    let pixels: Vec<u8> = (0..3 * 8 * 16).map(|i| (i % 16) as u8).collect();
    Image::new(3, 8, 16, pixels).unwrap().save_png(&folder.join("a.png")).unwrap();
    let list = folder.join("windows.txt");
    let image = folder.join("a.png").display().to_string();
    let windows = "2\n3 0.75 8 0 15 7\n2 0.25 0 0 7 7\n";
    std::fs::write(&list, format!("# 0\n{image}\n3\n8\n16\n{windows}")).unwrap();
    list
}

#[test]
fn batches() {
    let folder = tempfile::tempdir().unwrap();
    let list = written(folder.path());
    let batch = |options: WindowOptions| {
        let mut source = Source::of_windows(&list, options, 1).unwrap();
        let mut tops = [vec![0.0; 8 * 3 * 64], vec![0.0; 8]];
        source.next_batch(8, &mut tops).unwrap();
        tops
    };
    let [data, label] = batch(options());
    assert_eq!(label, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 3.0]);
    let row: Vec<f32> = data[..8].to_vec();
    assert_eq!(row, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    assert_eq!(data[6 * 3 * 64], 8.0);
    let mean = Mean::Values(vec![1.0, 2.0, 3.0]);
    let changed = WindowOptions { mean, scale: 2.0, cache: true, fg_fraction: 1.0, ..options() };
    let [data, label] = batch(changed);
    assert_eq!(label, [3.0; 8]);
    assert_eq!([data[0], data[64], data[128]], [14.0, 12.0, 10.0]);
    let [data, _] = batch(WindowOptions { mirror: true, ..options() });
    let mirrored = data.chunks(3 * 64).filter(|window| window[1] < window[0]).count();
    assert!(0 < mirrored && mirrored < 8, "{mirrored}");
    // A mean image of 10 x 10: the window is in its middle.
    let mean = (0..300).map(|i| (i % 10) as f32).collect();
    let mean = Mean::Image(crate::weights::Blob::new(vec![1, 3, 10, 10], mean).unwrap());
    let [data, _] = batch(WindowOptions { mean, ..options() });
    assert_eq!(data[..8], [-1.0; 8]);
}

#[test]
fn what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let list = written(folder.path());
    let check = |options: WindowOptions, expected: &str| {
        let error = Source::of_windows(&list, options, 1).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(WindowOptions { fg_threshold: 0.8, ..options() }, "has no window of overlap 0.8 or more");
    check(WindowOptions { bg_threshold: 0.1, ..options() }, "has no window of overlap below 0.1");
    check(WindowOptions { context_pad: 4, ..options() }, "context_pad 4 leaves nothing");
    let mean = Mean::Values(vec![1.0, 2.0]);
    check(WindowOptions { mean, ..options() }, "2 mean values; give 1 or 3");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, text.replace("15 7", "16 7")).unwrap();
    let mut source = Source::of_windows(&list, options(), 1).unwrap();
    let mut tops = [vec![0.0; 8 * 3 * 64], vec![0.0; 8]];
    let error = source.next_batch(8, &mut tops).unwrap_err().to_string();
    assert!(error.contains("windows.txt: line 2: ") && error.contains("8x16, so"), "{error}");
    std::fs::write(folder.path().join("a.png"), "text").unwrap();
    let error = source.next_batch(8, &mut tops).unwrap_err().to_string();
    assert!(error.contains("line 2: ") && error.contains("is not an image"), "{error}");
}
