//! A cache must not be noticed but for its speed.

use std::{fs, path::Path, sync::Arc, time::Duration, time::SystemTime};

use proptest::prelude::*;

use super::{codec, key, store::Store, *};

/// `a` to `c` are pieces, also within a word; `d` is unknown, a zero-width space is no piece at all.
fn tokenizer(do_lower_case: bool) -> BertTokenizer {
    let vocab = "[PAD] [UNK] [CLS] [SEP] a b c ##a ##b ##c ?";
    BertTokenizer::from_vocab(vocab.split(' ').map(str::to_owned).collect(), do_lower_case).unwrap()
}

/// Questions of several contexts: short, cut into windows, and without any piece.
fn examples() -> Vec<Example> {
    let contexts = ["ab c d", "\u{200b}", "a b c a b c a b c ab cd ab", "ca? \u{200b} b", "B", "c"];
    let example =
        |words: &Arc<crate::features::Words>, question: &str, answer: Option<(i32, i32, &str)>| Example {
            qas_id: format!("{question} {words:?}"),
            question_text: question.to_owned(),
            doc_tokens: Arc::clone(words),
            orig_answer_text: Some(answer.map(|(.., text)| text.to_owned()).unwrap_or_default()),
            start_position: Some(answer.map_or(-1, |(start, ..)| start)),
            end_position: Some(answer.map_or(-1, |(_, end, _)| end)),
            is_impossible: answer.is_none(),
        };
    let of_context = |context: &str| {
        let words = Arc::new(context.split(' ').collect());
        [
            example(&words, "a b?", Some((0, 0, "b"))),
            example(&words, "Ab", None),
            example(&words, "", Some((0, 0, context))),
        ]
    };
    contexts.into_iter().flat_map(of_context).collect()
}

const OPTIONS: WindowOptions = WindowOptions { max_seq_length: 10, doc_stride: 2, max_query_length: 3 };

fn cache(folder: &Path) -> PieceCache {
    PieceCache { least_text: 0, ..PieceCache::new(folder.to_owned()) }
}

fn cached(folder: &Path, training: bool) -> Vec<Window> {
    cache(folder).windows(&examples(), &tokenizer(true), &OPTIONS, training).unwrap().0
}

fn fresh(training: bool) -> Vec<Window> {
    crate::features::windows(&examples(), &tokenizer(true), &OPTIONS, training).unwrap()
}

fn only_file(folder: &Path) -> std::path::PathBuf {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    file.clone()
}

#[test]
fn windows_are_the_same_made_kept_and_read() {
    for training in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            assert_eq!(cached(folder.path(), training), fresh(training));
        }
        // Length and step are not part of the key.
        let longer = WindowOptions { max_seq_length: 40, ..OPTIONS };
        let expected = crate::features::windows(&examples(), &tokenizer(true), &longer, training).unwrap();
        let windows =
            cache(folder.path()).windows(&examples(), &tokenizer(true), &longer, training).unwrap().0;
        assert_eq!(windows, expected);
        only_file(folder.path());
    }
}

#[test]
fn what_is_kept_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let (examples, tokenizer) = (examples(), tokenizer(true));
    // More paragraphs than are looked at again.
    let many: Vec<Example> = (0..40)
        .flat_map(|_| {
            let words = Arc::new(["a"].into_iter().collect());
            examples
                .iter()
                .take(1)
                .map(move |example| Example { doc_tokens: Arc::clone(&words), ..example.clone() })
        })
        .collect();
    let paragraphs = paragraphs(&many);
    let mut pieces = all_pieces(&paragraphs, &tokenizer, false).unwrap();
    pieces[1].ids[0] = 5;
    let cache = cache(folder.path());
    cache.store.save(&key::of(&paragraphs, &tokenizer, false), &codec::encode(&paragraphs, &pieces)).unwrap();
    let windows = cache.windows(&many, &tokenizer, &OPTIONS, false).unwrap().0;
    assert_ne!(windows, crate::features::windows(&many, &tokenizer, &OPTIONS, false).unwrap());
    // Unless one of those looked at is no longer what the tokenizer says.
    pieces[0].ids[0] = 5;
    cache.store.save(&key::of(&paragraphs, &tokenizer, false), &codec::encode(&paragraphs, &pieces)).unwrap();
    let windows = cache.windows(&many, &tokenizer, &OPTIONS, false).unwrap().0;
    assert_eq!(windows, crate::features::windows(&many, &tokenizer, &OPTIONS, false).unwrap());
}

#[test]
fn a_damaged_file_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let expected = cached(folder.path(), true);
    let file = only_file(folder.path());
    let good = fs::read(&file).unwrap();
    let damaged = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        assert_eq!(cached(folder.path(), true), expected);
        assert_eq!(fs::read(&file).unwrap(), good, "the file is replaced");
    };
    for length in (0..good.len()).step_by(7) {
        damaged(&good[..length]);
    }
    for at in (0..good.len()).step_by(5) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        damaged(&bytes);
    }
    damaged(&[&good[..], b"more"].concat());
    damaged(&vec![0; 1 << 20]);
    // A folder in its place cannot be replaced, but does no harm.
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(cached(folder.path(), true), expected);
}

proptest! {
    /// A file with the right digest may still say anything.
    #[test]
    fn a_forged_payload_is_refused_or_cut_without_a_panic(
        training in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        length in any::<prop::sample::Index>(),
        cut_off in any::<bool>(),
    ) {
        let (examples, tokenizer) = (examples(), tokenizer(true));
        let paragraphs = paragraphs(&examples);
        let pieces = all_pieces(&paragraphs, &tokenizer, training).unwrap();
        let mut payload = codec::encode(&paragraphs, &pieces);
        prop_assert_eq!(codec::decode(&payload, &paragraphs, tokenizer.vocab_size(), training), Some(pieces.clone()));
        if cut_off {
            payload.truncate(length.index(payload.len()));
        }
        for (at, byte) in changes.iter().filter(|_| !payload.is_empty()).collect::<Vec<_>>() {
            let at = at.index(payload.len());
            payload[at] = *byte;
        }
        if let Some(pieces) = codec::decode(&payload, &paragraphs, tokenizer.vocab_size(), training) {
            let windows = cut(&paragraphs, &pieces, &tokenizer, &OPTIONS, training);
            let known = |window: &Window| window.input_ids.iter().all(|&id| tokenizer.piece(id).is_some());
            prop_assert!(windows.iter().all(known));
        }
    }
}

#[test]
fn everything_that_matters_is_in_the_key() {
    let key = |examples: &[Example], tokenizer: &BertTokenizer, training| {
        key::of(&paragraphs(examples), tokenizer, training)
    };
    let mut keys = vec![key(&examples(), &tokenizer(true), true)];
    assert_eq!(keys[0], key(&examples(), &tokenizer(true), true));
    keys.push(key(&examples(), &tokenizer(false), true));
    keys.push(key(&examples(), &tokenizer(true), false));
    let mut vocab = tokenizer(true).vocab().to_vec();
    vocab.push("##d".to_owned());
    keys.push(key(&examples(), &BertTokenizer::from_vocab(vocab, true).unwrap(), true));
    let changes: [fn(&mut Example); 6] = [
        |example| example.question_text.push('a'),
        |example| example.orig_answer_text = None,
        |example| example.start_position = Some(1),
        |example| example.end_position = None,
        |example| example.is_impossible ^= true,
        |example| example.doc_tokens = Arc::new(["ab c", "d"].into_iter().collect()),
    ];
    for change in changes {
        let mut examples = examples();
        change(&mut examples[0]);
        keys.push(key(&examples, &tokenizer(true), true));
    }
    // Two words that hold a space, each in another place.
    for words in [["a b", "c"], ["a", "b c"]] {
        let words = Arc::new(words.into_iter().collect());
        keys.push(key(&[Example { doc_tokens: words, ..examples()[0].clone() }], &tokenizer(true), true));
    }
    let distinct: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
}

#[test]
fn small_data_and_a_folder_that_cannot_be_made_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let windows =
        PieceCache::new(folder.path().join("pieces")).windows(&examples(), &tokenizer(true), &OPTIONS, true);
    assert_eq!(windows.unwrap(), (fresh(true), None));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let (windows, warning) =
        cache(&file.join("pieces")).windows(&examples(), &tokenizer(true), &OPTIONS, true).unwrap();
    assert_eq!(windows, fresh(true));
    let warning = warning.unwrap();
    assert!(warning.starts_with("word pieces are not kept for the next run: cannot write "), "{warning}");
    assert!(warning.contains("pieces: a part of its path is a file"), "{warning}");
}

#[test]
fn errors_are_those_without_a_cache() {
    let folder = tempfile::tempdir().unwrap();
    let mut examples = examples();
    examples[0].start_position = None;
    let cached = cache(folder.path()).windows(&examples, &tokenizer(true), &OPTIONS, true).unwrap_err();
    let fresh = crate::features::windows(&examples, &tokenizer(true), &OPTIONS, true).unwrap_err();
    assert_eq!(cached.to_string(), fresh.to_string());
    let narrow = WindowOptions { max_seq_length: 5, ..OPTIONS };
    assert!(cache(folder.path()).windows(&examples, &tokenizer(true), &narrow, false).is_err());
}

#[test]
fn the_least_recently_used_go_first_and_strangers_stay() {
    let folder = tempfile::tempdir().unwrap();
    // Room for three files of 100 bytes and their heads.
    let store = Store { folder: folder.path().to_owned(), most_bytes: 3 * 200 };
    let age = |name: String, hours: u64| {
        let file = fs::File::options().append(true).create(true).open(folder.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600 * hours)).unwrap();
    };
    let name = |byte: u8| format!("{}.pieces", format!("{byte:02x}").repeat(32));
    age("notes.pieces".into(), 99);
    age(format!(".{}.1-1.tmp", name(9)), 2);
    age(format!(".{}.2-1.tmp", name(9)), 0);
    for (key, hours) in [(1, 5), (2, 9), (3, 7)] {
        store.save(&[key; 32], &[key; 100]).unwrap();
        age(name(key), hours);
    }
    assert!(store.load(&[2; 32], 1000).is_some(), "which is now the last used");
    store.save(&[4; 32], &[4; 100]).unwrap();
    let has = |key: u8| folder.path().join(name(key)).exists();
    assert_eq!([1, 2, 3, 4].map(has), [true, true, false, true]);
    assert!(folder.path().join("notes.pieces").exists());
    assert!(!folder.path().join(format!(".{}.1-1.tmp", name(9))).exists(), "abandoned");
    assert!(folder.path().join(format!(".{}.2-1.tmp", name(9))).exists(), "perhaps being written");
    // Larger than everything: not kept, and nothing goes for it.
    store.save(&[5; 32], &[5; 1000]).unwrap();
    assert_eq!([1, 2, 4, 5].map(has), [true, true, true, false]);
    assert!(store.load(&[4; 32], 150).is_none(), "longer than any honest file");
}
