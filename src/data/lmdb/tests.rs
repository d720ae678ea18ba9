//! Databases of Caffe and our own are read back; no cut or damage of a file is more than an error.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/caffe/io").join(name)
}

/// Every record, as long as reading works.
fn read_all(path: &Path) -> crate::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut reader = LmdbReader::open(path)?;
    let mut records = vec![];
    while let Some((key, value)) = reader.advance()? {
        records.push((key.to_vec(), value.to_vec()));
    }
    assert_eq!(records.len(), reader.len());
    Ok(records)
}

fn records(n: usize) -> Vec<(Vec<u8>, Vec<u8>)> {
    let value = |i: usize| vec![i as u8; [3, 900, 5000, 0][i % 4]];
    let mut records: Vec<_> = (0..n).map(|i| (i.to_string().into_bytes(), value(i))).collect();
    records.sort();
    records
}

fn write(path: &Path, records: &[(Vec<u8>, Vec<u8>)]) {
    let mut writer = LmdbWriter::create(path).unwrap();
    records.iter().for_each(|(k, v)| writer.put(k, v).unwrap());
    writer.finish().unwrap();
}

#[test]
fn caffe_database() {
    let keys: serde_json::Value =
        serde_json::from_slice(&fs::read(golden("keys.json")).unwrap()).unwrap();
    let records = read_all(&golden("tiny_lmdb")).unwrap();
    let found: Vec<&str> = records.iter().map(|(k, _)| std::str::from_utf8(k).unwrap()).collect();
    assert_eq!(serde_json::json!(found), keys["keys"]);
    assert_eq!(keys["first_datum_len"], records[0].1.len());
    let hex: String = records[0].1.iter().map(|b| format!("{b:02x}")).collect();
    assert!(hex.starts_with(keys["first_datum_hex_prefix"].as_str().unwrap()));
    assert_eq!(read_all(&golden("tiny_lmdb/data.mdb")).unwrap(), records);
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    // 6000 records of 8.9 MB: the map grows several times and there are several transactions.
    for n in [0, 1, 100, 6000] {
        let path = folder.path().join(n.to_string());
        let records = records(n);
        write(&path, &records);
        assert!(read_all(&path).unwrap() == records, "{n} records");
        let names: Vec<_> = fs::read_dir(&path).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, [DATA_FILE]);
    }
    let len = fs::metadata(folder.path().join("6000/data.mdb")).unwrap().len();
    // 1500 values of two pages each and about as many kilobytes in leaves; transactions leave some free pages.
    assert!(len < 17 << 20, "{len}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
}

#[test]
fn large_values_come_around_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let large: Vec<_> = (0..40u8).map(|i| (vec![b'a' + i], vec![i; 1 << 20])).collect();
    write(&path, &large);
    assert_eq!(read_all(&path).unwrap(), large);
    let mut reader = LmdbReader::open(&path).unwrap();
    for i in 0..90u8 {
        let (key, value) = reader.advance_around().unwrap();
        assert_eq!((key, value[7]), (&[b'a' + i % 40][..], i % 40));
    }
}

#[test]
fn every_record_is_found_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let records = records(6000);
    write(&path, &records);
    let mut reader = LmdbReader::open(&path).unwrap();
    for (i, (key, value)) in records.iter().enumerate().rev() {
        assert!(reader.get(key).unwrap().unwrap() == value, "record {i}");
        let between = [key, &b"!"[..]].concat();
        assert!(reader.get(&between).unwrap().is_none());
    }
    assert!(reader.get(b"!").unwrap().is_none());
    // The cursor has not moved; keys are gone through without their values.
    for (key, _) in &records {
        assert_eq!(reader.advance_key().unwrap(), Some(key.as_slice()));
    }
    assert!(reader.advance_key().unwrap().is_none() && reader.advance().unwrap().is_none());
}

#[test]
fn what_becomes_shorter_or_another_while_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    write(&path, &records(300));
    let file = path.join(DATA_FILE);
    let whole = fs::read(&file).unwrap();
    let until_it_fails = |bytes: &[u8]| {
        fs::write(&file, &whole).unwrap();
        let mut reader = LmdbReader::open(&path).unwrap();
        reader.advance().unwrap().unwrap();
        fs::write(&file, bytes).unwrap();
        let error = loop {
            if let Err(error) = reader.advance_around() {
                break error.to_string();
            }
        };
        assert!(error.contains("db/data.mdb: "), "{error}");
        let by_key = reader.get(b"1").map(|_| ()).unwrap_err().to_string();
        assert!(by_key.contains("db/data.mdb: "), "{by_key}");
        error
    };
    let shorter = until_it_fails(&whole[..9000]);
    assert!(shorter.contains("has become shorter while it was read"), "{shorter}");
    until_it_fails(&vec![0xff; whole.len()]);
    until_it_fails(&vec![0; whole.len()]);
}

#[test]
fn cursor_moves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let bytes = |text: &str| text.as_bytes().to_vec();
    write(&path, &[(bytes("a"), bytes("1")), (bytes("c"), bytes("2"))]);
    let mut reader = LmdbReader::open(&path).unwrap();
    let order: Vec<u8> = (0..5).map(|_| reader.advance_around().unwrap().1[0]).collect();
    assert_eq!(order, b"12121");
    reader.rewind();
    assert_eq!(reader.advance().unwrap().unwrap().0, b"a");
    assert_eq!(reader.get(b"c").unwrap().unwrap(), b"2");
    assert!(reader.get(b"b").unwrap().is_none() && reader.get(b"").unwrap().is_none());
    assert!(LmdbWriter::create(&path).err().unwrap().to_string().contains("already exists"));
}

#[test]
fn unfinished_database_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = LmdbWriter::create(&folder.path().join("db")).unwrap();
    writer.put(b"a", b"1").unwrap();
    assert!(writer.put(b"", b"1").unwrap_err().to_string().contains("a key of 0 bytes"));
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn foreign_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.mdb");
    let check = |content: &[u8], expected: &str| {
        fs::write(&path, content).unwrap();
        let error = LmdbReader::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("data.mdb") && error.contains(expected), "{error}");
    };
    check(b"", "not an LMDB file: it has 0 bytes");
    check(&[7; 9000], "not an LMDB file: the magic number is missing");
    let missing = LmdbReader::open(&folder.path().join("none")).err().unwrap().to_string();
    assert!(missing.contains("cannot read") && missing.contains("none"), "{missing}");
    let empty = tempfile::tempdir().unwrap();
    let error = LmdbReader::open(empty.path()).err().unwrap().to_string();
    assert!(error.contains("data.mdb"), "{error}");
}

#[test]
fn cut_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    write(&path, &records(300));
    let whole = fs::read(path.join(DATA_FILE)).unwrap();
    let expected = read_all(&path).unwrap();
    let cut = folder.path().join("cut.mdb");
    let mut refused = 0;
    for len in (0..whole.len()).step_by(1777).chain([whole.len() - 1]) {
        fs::write(&cut, &whole[..len]).unwrap();
        match read_all(&cut) {
            // Free pages at the end may be missing without harm.
            Ok(records) => assert!(records == expected, "cut at {len}"),
            Err(_) => refused += 1,
        }
    }
    assert!(whole.len() / 1777 < refused * 2, "{refused}");
}

#[test]
fn damaged_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    write(&path, &records(300));
    let whole = fs::read(path.join(DATA_FILE)).unwrap();
    let damaged = folder.path().join("damaged.mdb");
    let mut random = crate::random::Philox::new(1, 0).sequence(0);
    for _ in 0..400 {
        let mut bytes = whole.clone();
        // Page headers and offsets are at the start of a page, nodes at its end.
        for _ in 0..4 {
            let page = random.below((whole.len() / 4096) as u32) as usize * 4096;
            let place =
                if random.below(2) == 0 { random.below(200) } else { 4095 - random.below(900) };
            bytes[page + place as usize] = random.next_u32() as u8;
        }
        fs::write(&damaged, &bytes).unwrap();
        if let Ok(mut reader) = LmdbReader::open(&damaged) {
            // Damage that keeps the structure, such as another key, is invisible; reading must merely end.
            let mut bytes = 0;
            while let Ok(Some((key, value))) = reader.advance() {
                bytes += key.len() + value.iter().filter(|&&b| b == 1).count();
            }
            assert!(bytes < whole.len());
        }
    }
}
