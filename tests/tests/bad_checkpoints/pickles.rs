//! Hostile pickles and archives, assembled by hand.

use proptest::prelude::*;
use spanbert_core::checkpoint::pickle::{self, read_state_dict};

use super::{assert_refused, fixture};

const MAGIC: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";

/// A legacy file whose state dict is this pickle.
fn legacy(pickle: &[u8]) -> Vec<u8> {
    [MAGIC, b"\x80\x02}.", b"\x80\x02", pickle, b"\x80\x02]."].concat()
}

/// Text as the pickle instruction BINUNICODE.
fn text(text: &str) -> Vec<u8> {
    let mut bytes = vec![b'X'];
    bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// `{"w": tensor}` with one float storage; sizes, strides and the like as pickle instructions.
fn tensor(elements: &[u8], offset: &[u8], sizes: &[u8], strides: &[u8]) -> Vec<u8> {
    [
        b"}".as_slice(),
        &text("w"),
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("key"),
        &text("cpu"),
        elements,
        b"tQ",
        offset,
        sizes,
        strides,
        b"\x89)tRs.",
    ]
    .concat()
}

/// A legacy file with [`tensor`] and this many floats of storage, declared as `count`.
fn legacy_tensor(pickle: &[u8], count: i64, floats: usize) -> Vec<u8> {
    let keys = [b"\x80\x02](".as_slice(), &text("key"), b"e."].concat();
    let data = vec![0; 4 * floats];
    [MAGIC, b"\x80\x02}.\x80\x02", pickle, &keys, &count.to_le_bytes(), &data].concat()
}

/// A zip archive as PyTorch writes it, with a compression method and a byte order of our choice.
fn zip(pickle: &[u8], method: u16, order: &[u8]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    let entries = [("a/data.pkl", pickle), ("a/byteorder", order)];
    for (name, contents) in entries {
        let start = u32::try_from(out.len()).unwrap();
        let size = u32::try_from(contents.len()).unwrap().to_le_bytes();
        let name_size = u16::try_from(name.len()).unwrap().to_le_bytes();
        let mut common = vec![20, 0, 0, 0];
        common.extend(method.to_le_bytes());
        common.extend([0; 4]);
        common.extend(crc32(contents).to_le_bytes());
        common.extend([size, size].concat());
        common.extend([name_size, [0, 0]].concat());
        out.extend([b"PK\x03\x04", common.as_slice(), name.as_bytes(), contents].concat());
        directory.extend([b"PK\x01\x02\x14\x00", common.as_slice(), &[0; 10]].concat());
        directory.extend([start.to_le_bytes().as_slice(), name.as_bytes()].concat());
    }
    let start = u32::try_from(out.len()).unwrap().to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    out.extend(directory);
    out.extend([b"PK\x05\x06\0\0\0\0\x02\0\x02\0".as_slice(), &size, &start, &[0, 0]].concat());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn pickles_that_ask_to_call_something_are_refused_by_name() {
    let evil = b"cos\nsystem\nX\x0b\x00\x00\x00touch /tmp/x\x85R.";
    for (pickle, expected) in [
        (evil.as_slice(), "asks to call os.system"),
        (b"cposix\nsystem\n.", "asks to call posix.system"),
        (b"\x8c\x08builtins\x8c\x04eval\x93.", "asks to call builtins.eval"),
        (b"ctorch.storage\n_load_from_bytes\n.", "asks to call torch.storage._load_from_bytes"),
        (b"ctransformers.models.bert\nBertModel\n.", "asks to call transformers.models.bert.BertModel"),
        (b"ctorch\nsave\n.", "asks to call torch.save"),
        (b"cos\x1b[31m\nsystem\n.", "asks to call os\\u{1b}[31m.system"),
        (b"(ios\nsystem\n.", "instruction 0x69"),
        (b"(cos\nsystem\no.", "asks to call os.system"),
        (b"\x81.", "instruction 0x81"),
        (b"\x82\x01.", "instruction 0x82"),
        (b"Ppid\n.", "instruction 0x50"),
    ] {
        assert_refused("pytorch_model.bin", &legacy(pickle), expected);
        assert_refused("pytorch_model.bin", &zip(&[b"\x80\x02", pickle].concat(), 0, b"little"), expected);
    }
}

#[test]
fn archives_that_are_packed_otherwise_are_refused() {
    assert_refused("pytorch_model.bin", &zip(b"\x80\x02}.", 0, b"little"), "no tensors");
    assert_refused("pytorch_model.bin", &zip(b"\x80\x02}.", 8, b"little"), "compressed or encrypted");
    assert_refused("pytorch_model.bin", &zip(b"\x80\x02}.", 0, b"big"), "big-endian");
    let mut damaged = fixture("tiny_zip.bin");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    assert_refused("pytorch_model.bin", &damaged, "does not match its checksum");
    let big = [MAGIC, b"\x80\x02}", &text("little_endian"), b"\x89s."].concat();
    assert_refused("pytorch_model.bin", &big, "big-endian");
    // An ordinary zip archive, and one whose directory claims more than there is.
    let ordinary = String::from_utf8_lossy(&zip(b"", 0, b"")).replace("data.pkl", "main.cpp").into_bytes();
    assert_refused("pytorch_model.bin", &ordinary, "PyTorch");
    let mut greedy = zip(b"\x80\x02}.", 0, b"little");
    let end = greedy.len() - 22;
    greedy[end + 8..end + 12].fill(0xff);
    assert_refused("pytorch_model.bin", &greedy, "directory is cut short");
}

#[test]
fn tensors_that_do_not_fit_their_storage_are_named() {
    let good = tensor(b"K\x06", b"K\x00", b"K\x02K\x03\x86", b"K\x03K\x01\x86");
    assert_eq!(read_state_dict(&legacy_tensor(&good, 6, 6)).unwrap().tensors["w"].shape(), [2, 3]);
    let huge = b"\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x40";
    let two = |size: &[u8]| [size, b"\x85"].concat();
    for (pickle, count, floats, expected) in [
        (&good, 6, 5, "\"w\" is cut short"),
        (&good, 7, 7, "a storage whose size differs"),
        (&good, -6, 6, "a storage whose size differs"),
        (&good, i64::MAX, 6, "a storage whose size differs"),
        (
            &tensor(b"K\x06", b"K\x01", b"K\x02K\x03\x86", b"K\x03K\x01\x86"),
            6,
            6,
            "do not fit its storage of 6",
        ),
        (
            &tensor(b"K\x06", b"K\x00", b"K\x02K\x03\x86", b"K\x04K\x01\x86"),
            6,
            6,
            "do not fit its storage of 6",
        ),
        (&tensor(b"K\x06", b"K\x00", b"K\x07\x85", b"K\x00\x85"), 6, 6, "do not fit its storage of 6"),
        (&tensor(b"K\x06", b"K\x00", &two(huge), b"K\x01\x85"), 6, 6, "do not fit its storage of 6"),
        (&tensor(b"K\x06", b"K\x00", b"K\x02\x85", &two(huge)), 6, 6, "do not fit its storage of 6"),
        (&tensor(b"K\x06", huge, b"K\x01\x85", b"K\x01\x85"), 6, 6, "do not fit its storage of 6"),
        (&tensor(b"K\x06", b"K\x00", b"K\x02\x85", b"K\x01K\x01\x86"), 6, 6, "1 dimensions and 2 strides"),
        (&tensor(b"K\x06", b"J\xff\xff\xff\xff", b"K\x01\x85", b"K\x01\x85"), 6, 6, "wrong arguments"),
        (&tensor(b"K\x06", b"K\x00", b"J\xff\xff\xff\xff\x85", b"K\x01\x85"), 6, 6, "wrong arguments"),
        (
            &tensor(b"J\xff\xff\xff\xff", b"K\x00", b"K\x01\x85", b"K\x01\x85"),
            6,
            6,
            "something else than a storage",
        ),
        (&tensor(huge, b"K\x00", b"K\x01\x85", b"K\x01\x85"), 1 << 62, 6, "\"w\" is cut short"),
    ] {
        assert_refused("pytorch_model.bin", &legacy_tensor(pickle, count, floats), expected);
    }
}

#[test]
fn malformed_pickles_are_refused() {
    for (pickle, expected) in [
        (b".".as_slice(), "the stack is empty"),
        (b"].", "a list or tuple, not a state dict"),
        (b"N.", "a plain value, not a state dict"),
        (b"}(NN.", "a plain value"),
        (b"h\x07.", "a memo entry that was never made"),
        (b"Ns.", "the stack is empty"),
        (b"(u.", "the stack is empty"),
        (b"N(Nu.", "items set on something else"),
        (b"}(Nu.", "items set on something else"),
        (b"t.", "no mark"),
        (b"N)R.", "no function"),
        (b"ccollections\nOrderedDict\nNR.", "wrong arguments"),
        (b"ccollections\nOrderedDict\nN\x85R.", "wrong arguments"),
        (b"NNb.", "attributes set on something else"),
        (b"NQ.", "something else than a storage"),
        (b"X\xff\xff\xff\xff", "bytes in a string"),
        (b"X\x02\x00\x00\x00\xff\xff.", "not UTF-8"),
        (b"\x80\x09", "unknown pickle protocol"),
        (b"\x8a\xff", "the file ends inside the pickle"),
        // A dictionary that contains itself, through the memo.
        (b"}q\x00X\x01\x00\x00\x00ah\x00s.", "no tensors"),
        (b"]q\x00h\x00a.", "a list or tuple"),
    ] {
        assert_refused("pytorch_model.bin", &legacy(pickle), expected);
    }
}

/// Largest resident size of this process so far, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// The worst that a pickle of a few megabytes can do: every instruction that makes something, over and over.
#[test]
#[cfg(target_os = "linux")]
fn pickles_that_pile_things_up_are_stopped_early() {
    let many = 8 << 20;
    let before = peak_memory();
    // Ten thousand pairs, turned into a dictionary again and again.
    let pairs =
        [b"ccollections\nOrderedDict\nq\x00](".as_slice(), &b"NN\x86".repeat(10_000), b"eq\x01"].concat();
    for (start, repeated) in [
        (b"".as_slice(), b"(".as_slice()),
        (b"", b"N"),
        (b"(", b"N"),
        (b"", b")"),
        (b")", b"\x85"),
        (b"]", b"K\x01a"),
        (b"](", b"NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNe("),
        (b"}", b"NNs"),
        (b"Nq\x00", b"\x94"),
        (b"]q\x00", b"h\x00\x85q\x00"),
        (b"ccollections\nOrderedDict\nq\x00", b"h\x00)R"),
        (&pairs, b"h\x00h\x01\x85R"),
        (b"ctorch\nSize\nq\x00NNNNNNNNNNNNNNNN", b"h\x00)\x85R"),
    ] {
        let pickle = [start, &repeated.repeat(many / repeated.len())].concat();
        let error = read_state_dict(&legacy(&pickle)).unwrap_err();
        let stopped =
            matches!(error, pickle::PickleError::TooLarge { .. } | pickle::PickleError::Malformed { .. });
        assert!(stopped, "{repeated:?}: {error}");
    }
    let grown = peak_memory() - before;
    assert!(grown < 128 << 20, "grew by {} MB", grown >> 20);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_programs_never_panic(
        opcodes in prop::collection::vec(
            prop_oneof![
                4 => prop::sample::select(b"(NKMJ)t]ae}su\x85\x86\x87\x88\x89\x94hqRbQ.".to_vec()),
                1 => any::<u8>(),
            ],
            0..200,
        ),
    ) {
        let start = b"ccollections\nOrderedDict\nq\x00ctorch._utils\n_rebuild_tensor_v2\nq\x01";
        drop(read_state_dict(&legacy(&[start.as_slice(), &opcodes].concat())));
        drop(read_state_dict(&opcodes));
    }
}
