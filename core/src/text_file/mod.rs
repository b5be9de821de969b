//! Text files as users have them: bytes made into text, or refused with what they are and how to convert them.
//!
//! UTF-8 with or without a byte-order mark and UTF-16 with one are read. Nothing else is guessed at: a wrong guess would
//! show up as wrong answers, not as an error. Works on bytes alone, so it also serves browsers.

mod guess;

use std::{
    borrow::Cow,
    io::{self, Read},
};

pub use self::guess::Likely;
use crate::advice::Advice;

/// Name of standard input in messages; cures then speak of a pipe instead of a file.
pub const STANDARD_INPUT: &str = "standard input";

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_LE_MARK: &[u8] = b"\xff\xfe";
const UTF16_BE_MARK: &[u8] = b"\xfe\xff";
/// As [`UTF16_LE_MARK`] with a NUL: text does not begin with that.
const UTF32_LE_MARK: &[u8] = b"\xff\xfe\0\0";

/// Why bytes are no text that we read.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// Another encoding, or no text at all.
    #[error("{file}: not UTF-8 text (byte {offset}), but {likely}")]
    NotUtf8 {
        /// Name of the file.
        file: String,
        /// The first byte that cannot be read, from 0.
        offset: usize,
        /// What it seems to be.
        likely: Likely,
    },
    /// UTF-16 by its mark, but damaged.
    #[error("{file}: UTF-16 text damaged at byte {offset}")]
    DamagedUtf16 {
        /// Name of the file.
        file: String,
        /// The first byte that cannot be read, from 0.
        offset: usize,
    },
    /// More bytes than are read.
    #[error("{file}: larger than {} MiB", .limit >> 20)]
    TooLarge {
        /// Name of the file.
        file: String,
        /// Most bytes that are read.
        limit: u64,
    },
    /// It cannot be read.
    #[error("{file}: cannot be read: {source}")]
    Unreadable {
        /// Name of the file.
        file: String,
        /// What the system says.
        source: io::Error,
    },
}

impl Advice for TextError {
    fn remedy(&self) -> String {
        match self {
            Self::NotUtf8 { file, likely, .. } => likely.cure(file),
            Self::DamagedUtf16 { .. } => "save it as UTF-8 in the program that wrote it".into(),
            Self::TooLarge { .. } => "keep only the part that matters, or split it".into(),
            Self::Unreadable { .. } => "name a text file that you may read".into(),
        }
    }
}

/// The text of a file without its byte-order mark. `file` names it in errors; [`STANDARD_INPUT`] is known.
///
/// # Errors
/// If it is neither UTF-8 nor UTF-16 with a mark, or is a document, an archive or an image by its first bytes.
pub fn decode<'a>(bytes: &'a [u8], file: &str) -> Result<Cow<'a, str>, TextError> {
    let refused = |offset, likely| TextError::NotUtf8 { file: file.to_owned(), offset, likely };
    if let Some(likely) = Likely::by_signature(bytes) {
        return Err(refused(0, likely));
    }
    if !bytes.starts_with(UTF32_LE_MARK) {
        for (mark, from_pair) in [
            (UTF16_LE_MARK, u16::from_le_bytes as fn([u8; 2]) -> u16),
            (UTF16_BE_MARK, u16::from_be_bytes as fn([u8; 2]) -> u16),
        ] {
            if let Some(units) = bytes.strip_prefix(mark) {
                return utf16(units, from_pair).map(Cow::Owned).map_err(|offset| TextError::DamagedUtf16 {
                    file: file.to_owned(),
                    offset: mark.len() + offset,
                });
            }
        }
    }
    let content = bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes);
    let marked = bytes.len() - content.len();
    match std::str::from_utf8(content) {
        // Text of another encoding can be valid UTF-8 with a NUL in every character.
        Ok(text) => match Likely::by_nul(content).or_else(|| Likely::by_controls(content)) {
            Some((offset, likely)) => Err(refused(marked + offset, likely)),
            None => Ok(Cow::Borrowed(text)),
        },
        Err(error) => Err(refused(marked + error.valid_up_to(), Likely::of(content, &error))),
    }
}

/// Reads all of a file, a pipe or a device, but not more than `limit` bytes.
///
/// # Errors
/// If it cannot be read or is larger, and as [`decode`].
pub fn read(reader: impl Read, file: &str, limit: u64) -> Result<String, TextError> {
    let mut bytes = Vec::new();
    reader
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| TextError::Unreadable { file: file.to_owned(), source })?;
    if bytes.len() as u64 > limit {
        return Err(TextError::TooLarge { file: file.to_owned(), limit });
    }
    let marked = match decode(&bytes, file)? {
        Cow::Owned(text) => return Ok(text),
        Cow::Borrowed(text) => bytes.len() - text.len(),
    };
    // The bytes have been checked: taken over instead of copied, a large file is in memory once.
    bytes.drain(..marked);
    Ok(String::from_utf8(bytes).unwrap_or_default())
}

/// Opens a file and reads it as [`read`] does.
///
/// # Errors
/// As [`read`].
#[cfg(feature = "native")]
pub fn read_path(path: &std::path::Path, limit: u64) -> Result<String, TextError> {
    let name = path.display().to_string();
    let unreadable = |source| TextError::Unreadable { file: name.clone(), source };
    let opened = std::fs::File::open(path).map_err(|error| unreadable(of_folder(path, error)))?;
    // A folder opens on some systems and only fails to be read.
    if opened.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    read(opened, &name, limit)
}

/// An error of opening a file, for what it is where the path leads to a folder: Windows only says that access is denied.
#[must_use]
pub fn of_folder(path: &std::path::Path, error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::PermissionDenied && path.is_dir() {
        io::ErrorKind::IsADirectory.into()
    } else {
        error
    }
}

/// Text of UTF-16 without its mark, or the offset of the first byte that is none.
fn utf16(bytes: &[u8], from_pair: fn([u8; 2]) -> u16) -> Result<String, usize> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    let mut at = 0;
    for decoded in char::decode_utf16(pairs.iter().copied().map(from_pair)) {
        let character = decoded.map_err(|_| at)?;
        at += 2 * character.len_utf16();
        text.push(character);
    }
    if rest.is_empty() { Ok(text) } else { Err(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> (usize, Likely) {
        match decode(bytes, "a.txt") {
            Err(TextError::NotUtf8 { offset, likely, .. }) => (offset, likely),
            other => panic!("{other:?}"),
        }
    }

    fn utf16_of(text: &str, to_pair: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_pair).collect()
    }

    #[test]
    fn marks_are_taken_off_and_utf16_is_decoded() {
        let text = "Zoë built 𝄞 in 1842.\r\n";
        assert_eq!(decode(text.as_bytes(), "a").unwrap(), text);
        assert_eq!(decode(format!("\u{feff}{text}").as_bytes(), "a").unwrap(), text);
        assert_eq!(decode(&utf16_of(&format!("\u{feff}{text}"), u16::to_le_bytes), "a").unwrap(), text);
        assert_eq!(decode(&utf16_of(&format!("\u{feff}{text}"), u16::to_be_bytes), "a").unwrap(), text);
        for blank in [&b""[..], UTF8_MARK, UTF16_LE_MARK, UTF16_BE_MARK] {
            assert_eq!(decode(blank, "a").unwrap(), "");
        }
        // Only the first mark is one.
        assert_eq!(decode("\u{feff}\u{feff}a".as_bytes(), "a").unwrap(), "\u{feff}a");
    }

    #[test]
    fn damaged_utf16_is_refused_at_the_byte() {
        let damaged = |bytes: &[u8]| match decode(bytes, "a.txt") {
            Err(TextError::DamagedUtf16 { offset, .. }) => offset,
            other => panic!("{other:?}"),
        };
        assert_eq!(damaged(b"\xff\xfea\0b"), 4, "half a unit");
        assert_eq!(damaged(b"\xff\xfea\0\x34\xd8"), 4, "half a pair");
        assert_eq!(damaged(b"\xfe\xff\xdd\x1e\0a"), 2, "the second half first");
    }

    #[test]
    fn what_is_no_text_is_named_by_its_first_bytes() {
        // A local header is 30 bytes long, the name comes next.
        let zip = |name: &str| [b"PK\x03\x04\x14", &[0; 25][..], name.as_bytes()].concat();
        let (word, archive) = (zip("[Content_Types].xml"), zip("a.txt"));
        let book = zip("mimetypeapplication/epub+zip");
        let cases: [(&[u8], &str, &str); 11] = [
            (b"\x1f\x8b\x08\0\0\0\0\0", "gzip", "gunzip"),
            (b"%PDF-1.7\n%\xe2\xe3", "PDF", "pdftotext"),
            (&word, "Word", "pandoc"),
            (&book, "EPUB", "pandoc"),
            (&archive, "zip", "unzip"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Word", "soffice"),
            (b"{\\rtf1\\ansi Marra}", "RTF", "pandoc"),
            (b"\xfd7zXZ\0", "xz", "xz -d"),
            (b"\x28\xb5\x2f\xfd\0", "zstd", "zstd -d"),
            (b"\x89PNG\r\n\x1a\n", "image", "tesseract"),
            (b"\x7fELF\x02\x01\x01", "program", "text file"),
        ];
        for (bytes, named, cure) in cases {
            let error = decode(bytes, "a.txt").unwrap_err().in_one_line();
            assert!(error.contains("(byte 0)") && error.contains(named), "{error}");
            assert!(error.contains(cure), "{error}");
            for file in ["a.txt", STANDARD_INPUT] {
                let remedy = decode(bytes, file).unwrap_err().remedy();
                assert!(crate::advice::is_remedy(&remedy), "{remedy}");
            }
        }
        let too_large = TextError::TooLarge { file: "a".into(), limit: 9 };
        assert!(crate::advice::is_remedy(&too_large.remedy()));
    }

    #[test]
    fn unmarked_utf16_and_utf32_are_named_although_they_may_be_valid_utf8() {
        let text = "Marra built the mill of Kelford in 1842.\n";
        assert_eq!(refused(&utf16_of(text, u16::to_le_bytes)), (1, Likely::Encoding("UTF-16LE")));
        assert_eq!(refused(&utf16_of(text, u16::to_be_bytes)), (0, Likely::Encoding("UTF-16BE")));
        // In an alphabet of its own only blanks and full stops show it.
        let russian = "Марра построил мельницу в 1842 году. Торик построил церковь.";
        assert_eq!(refused(&utf16_of(russian, u16::to_le_bytes)).1, Likely::Encoding("UTF-16LE"));
        let chinese = "马拉建造了磨坊。托里克建造了图书馆。";
        assert_eq!(refused(&utf16_of(chinese, u16::to_le_bytes)).1, Likely::Encoding("UTF-16LE"));
        assert_eq!(refused(&utf16_of(chinese, u16::to_be_bytes)).1, Likely::Encoding("UTF-16BE"));
        // Few blanks, letters whose lower byte is 0, and both.
        let long_words = "Методологическо-вычислительная достопримечательность";
        let turkish = "Ağaçların yeşilliği şehirĀ Āāĉ";
        let mixed = "第一个磨坊由马拉于1842年建造，一九〇〇年由托里克扩建。";
        for text in
            [long_words, turkish, mixed, "Ωμέγα", "Kelford", "ปราสาทหินพิมาย", "מריה בנתה", "마라는 방앗간을"]
        {
            assert_eq!(refused(&utf16_of(text, u16::to_le_bytes)).1, Likely::Encoding("UTF-16LE"), "{text}");
            assert_eq!(refused(&utf16_of(text, u16::to_be_bytes)).1, Likely::Encoding("UTF-16BE"), "{text}");
        }
        let wide: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        assert_eq!(refused(&wide), (1, Likely::Encoding("UTF-32LE")));
        let marked: Vec<u8> =
            format!("\u{feff}{text}").chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        assert_eq!(refused(&marked), (0, Likely::Encoding("UTF-32")));
    }

    #[test]
    fn a_stray_nul_is_text() {
        let text = format!("{}\0 left.", "Zoë built the mill. ".repeat(10));
        assert_eq!(decode(text.as_bytes(), "a").unwrap(), text);
        assert_eq!(refused(b"\0\x01\x02\0\0\x03mill\0\0\x7f").1, Likely::Binary);
    }

    #[test]
    fn eight_bit_text_is_named_with_the_byte_and_a_command_that_converts_it() {
        let latin = b"The caf\xe9 of Zo\xeb opened in 1842 \x96 it was \x93small\x94.";
        assert_eq!(refused(latin), (7, Likely::Encoding("WINDOWS-1252")));
        let error = decode(latin, "my file.txt").unwrap_err().in_one_line();
        assert_eq!(
            error,
            "my file.txt: not UTF-8 text (byte 7), but probably WINDOWS-1252; convert it with `iconv -f WINDOWS-1252 -t UTF-8 \
             'my file.txt' > 'my file.utf8.txt'`, or save it as UTF-8 in an editor"
        );
        for (file, converted) in
            [("a/b.json", "a/b.utf8.json"), ("a.d/b", "a.d/b.utf8.txt"), ("a/.hidden", "a/.hidden.utf8.txt")]
        {
            let remedy = decode(latin, file).unwrap_err().remedy();
            assert!(remedy.contains(&format!("{file} > {converted}`")), "{remedy}");
        }
        let piped = decode(latin, STANDARD_INPUT).unwrap_err().in_one_line();
        assert!(piped.ends_with("pipe it through `iconv -f WINDOWS-1252 -t UTF-8` first"), "{piped}");
        // iconv knows no character for this byte in Windows-1252.
        assert_eq!(refused(b"The caf\xe9 of Zo\xeb \x81 in 1842").1, Likely::Encoding("ISO-8859-1"));
    }

    #[test]
    fn truncated_and_damaged_utf8_is_not_taken_for_another_encoding() {
        let cut = "Zoë left the café in 1842. Größe, naïve, Ærø, ë".as_bytes();
        let cut = &cut[..cut.len() - 1];
        assert_eq!(refused(cut), (cut.len() - 1, Likely::CutUtf8));
        let mut damaged = "Größe, naïve, Ærø, café, Zoë, señor".as_bytes().to_vec();
        damaged.extend(b" \xff end");
        assert_eq!(refused(&damaged).1, Likely::DamagedUtf8);
    }

    #[test]
    fn other_scripts_are_told_by_their_structure() {
        // "Марра построила мельницу" and so on, as the encoding has it.
        let cyrillic =
            b"\xcc\xe0\xf0\xf0\xe0 \xef\xee\xf1\xf2\xf0\xee\xe8\xeb\xe0 \xec\xe5\xeb\xfc\xed\xe8\xf6\xf3.";
        assert_eq!(refused(cyrillic).1, Likely::Encoding("WINDOWS-1251"));
        let koi8 =
            b"\xed\xc1\xd2\xd2\xc1 \xd0\xcf\xd3\xd4\xd2\xcf\xc9\xcc\xc1 \xcd\xc5\xcc\xd8\xce\xc9\xc3\xd5.";
        assert_eq!(refused(koi8).1, Likely::Encoding("KOI8-R"));
        // 马拉建造了磨坊。
        let gb = b"\xc2\xed\xc0\xad\xbd\xa8\xd4\xec\xc1\xcb\xc4\xa5\xb7\xbb\xa1\xa3";
        assert_eq!(refused(gb).1, Likely::Encoding("GB18030"));
        // 瑪拉建造了磨坊。
        let big5 = b"\xba\xbf\xa9\xd4\xab\xd8\xb3y\xa4F\xbfi\xa7{\xa1C";
        assert_eq!(refused(big5).1, Likely::Encoding("BIG5"));
        // マーラは水車を建てた。
        let sjis =
            b"\x83\x7d\x81\x5b\x83\x89\x82\xcd\x90\x85\x8e\xd4\x82\xf0\x8c\x9a\x82\xc4\x82\xbd\x81\x42";
        assert_eq!(refused(sjis).1, Likely::Encoding("SHIFT_JIS"));
        let euc_jp =
            b"\xa5\xde\xa1\xbc\xa5\xe9\xa4\xcf\xbf\xe5\xbc\xd6\xa4\xf2\xb7\xfa\xa4\xc6\xa4\xbf\xa1\xa3";
        assert_eq!(refused(euc_jp).1, Likely::Encoding("EUC-JP"));
        // 마라는 방앗간을
        let euc_kr = b"\xb8\xb6\xb6\xf3\xb4\xc2 \xb9\xe6\xbe\xd1\xb0\xa3\xc0\xbb";
        assert_eq!(refused(euc_kr).1, Likely::Encoding("EUC-KR"));
    }

    #[test]
    fn reading_is_bounded() {
        assert_eq!(read(&b"Zo\xc3\xab"[..], "a", 4).unwrap(), "Zoë");
        let error = read(io::repeat(b'a'), "a.txt", 2 << 20).unwrap_err().in_one_line();
        assert_eq!(error, "a.txt: larger than 2 MiB; keep only the part that matters, or split it");
    }

    #[cfg(feature = "native")]
    #[test]
    fn folders_and_missing_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_path(folder.path(), 9), Err(TextError::Unreadable { .. })));
        let error = read_path(&folder.path().join("none.txt"), 9).unwrap_err().in_one_line();
        assert!(error.contains("none.txt: cannot be read"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_text_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            for file in ["a.txt", STANDARD_INPUT] {
                if let Err(error) = decode(&bytes, file) {
                    proptest::prop_assert!(crate::advice::is_remedy(&error.remedy()), "{}", error.remedy());
                }
            }
        }
    }
}
