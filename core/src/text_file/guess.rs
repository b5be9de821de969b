//! What bytes that are not UTF-8 seem to be.

use std::{fmt, str::Utf8Error};

use super::STANDARD_INPUT;

/// Bytes that are looked at for a guess; the start of a file says enough.
const LOOKED_AT: usize = 64 << 10;
/// One NUL in so many bytes is no accident.
const NUL_SHARE: usize = 16;

/// What a file seems to be, with a way to make text of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likely {
    /// Text in another encoding, by the name that `iconv` knows.
    Encoding(&'static str),
    /// UTF-8 that ends within a character.
    CutUtf8,
    /// UTF-8 with a few bytes that are none.
    DamagedUtf8,
    /// Another kind of file.
    Format(Format),
    /// No text, and nothing that we know.
    Binary,
}

/// Kinds of files that begin in a way of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Compressed, with the program that unpacks it.
    Compressed(&'static str),
    /// A document, with its name.
    Document(&'static str),
    /// A Word file of before 2007, or another program's of that time.
    OldOffice,
    /// A PDF.
    Pdf,
    /// A picture.
    Image,
    /// A zip or tar archive.
    Archive(&'static str),
    /// A program or library.
    Program,
    /// A table in a binary format, with its name.
    Table(&'static str),
    /// The stand-in that Git keeps for a large file.
    LfsPointer,
}

impl Likely {
    /// By the first bytes of formats that have some.
    pub(super) fn by_signature(bytes: &[u8]) -> Option<Self> {
        use Format::{Archive, Compressed, Document, Image, LfsPointer, OldOffice, Pdf, Program, Table};
        const SIGNATURES: [(&[u8], Format); 20] = [
            (b"\x1f\x8b", Compressed("gzip")),
            (b"BZh", Compressed("bzip2")),
            (b"\xfd7zXZ\0", Compressed("xz")),
            (b"\x28\xb5\x2f\xfd", Compressed("zstd")),
            (b"\x04\x22\x4d\x18", Compressed("lz4")),
            (b"7z\xbc\xaf\x27\x1c", Archive("7z")),
            (b"Rar!\x1a\x07", Archive("rar")),
            (b"%PDF-", Pdf),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OldOffice),
            (b"{\\rtf", Document("an RTF document")),
            (b"\x89PNG\r\n\x1a\n", Image),
            (b"\xff\xd8\xff", Image),
            (b"GIF8", Image),
            (b"II*\0", Image),
            (b"MM\0*", Image),
            (b"\x7fELF", Program),
            (b"PAR1", Table("a Parquet table")),
            (b"ARROW1", Table("an Arrow table")),
            (b"SQLite format 3\0", Table("an SQLite database")),
            (b"version https://git-lfs.github.com/spec/", LfsPointer),
        ];
        let signature = SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature));
        if let Some(&(signature, format)) = signature {
            // Words may begin with these letters; bzip2 has a digit and the digits of pi after them.
            let is_word = signature == b"BZh" && bytes.get(4..10) != Some(b"1AY&SY")
                || signature == b"GIF8" && !matches!(bytes.get(4..6), Some(b"7a" | b"9a"))
                || matches!(signature, b"PAR1" | b"ARROW1") && std::str::from_utf8(bytes).is_ok();
            return (!is_word).then_some(Self::Format(format));
        }
        if bytes.starts_with(b"PK\x03\x04") {
            return Some(Self::Format(zipped(bytes)));
        }
        if bytes.get(257..262) == Some(b"ustar") {
            return Some(Self::Format(Archive("tar")));
        }
        bytes.starts_with(super::UTF32_LE_MARK).then_some(Self::Encoding("UTF-32"))
    }

    /// By NULs in what may be valid UTF-8, with the place of the first. `None` for text, which has none or a stray one.
    pub(super) fn by_nul(bytes: &[u8]) -> Option<(usize, Self)> {
        let bytes = bytes.get(..LOOKED_AT).unwrap_or(bytes);
        let first = bytes.iter().position(|&byte| byte == 0)?;
        let (quads, _) = bytes.as_chunks::<4>();
        let (pairs, _) = bytes.as_chunks::<2>();
        let wide = |plausible: fn(&[u8; 4]) -> bool| !quads.is_empty() && quads.iter().all(plausible);
        if wide(|quad| matches!(quad, [_, _, 0..=0x10, 0]) && quad[..2] != [0, 0]) {
            return Some((first, Self::Encoding("UTF-32LE")));
        }
        if wide(|quad| matches!(quad, [0, 0..=0x10, _, _]) && quad[2..] != [0, 0]) {
            return Some((first, Self::Encoding("UTF-32BE")));
        }
        if let Some(name) = utf16_order(pairs) {
            return Some((first, Self::Encoding(name)));
        }
        let nuls = |half: usize| pairs.iter().filter(|pair| pair.get(half) == Some(&0)).count();
        let (high_first, low_first) = (nuls(0), nuls(1));
        if (high_first + low_first) * NUL_SHARE < bytes.len() {
            return None;
        }
        // In a mixture of scripts a character of ASCII still has its NUL on one side.
        let likely = match (high_first, low_first) {
            (0, _) if pairs_are_text(pairs, u16::from_le_bytes) => Self::Encoding("UTF-16LE"),
            (_, 0) if pairs_are_text(pairs, u16::from_be_bytes) => Self::Encoding("UTF-16BE"),
            _ => Self::Binary,
        };
        Some((first, likely))
    }

    /// By control characters in valid UTF-8, with the place of the first: the upper bytes of an alphabet in UTF-16.
    pub(super) fn by_controls(bytes: &[u8]) -> Option<(usize, Self)> {
        let bytes = bytes.get(..LOOKED_AT).unwrap_or(bytes);
        let first = bytes.iter().position(|&byte| is_odd_control(byte))?;
        let odd = bytes.iter().filter(|&&byte| is_odd_control(byte)).count();
        let (pairs, _) = bytes.as_chunks::<2>();
        let name = (odd * NUL_SHARE >= bytes.len()).then(|| utf16_order(pairs)).flatten()?;
        Some((first, Self::Encoding(name)))
    }

    /// Of bytes that are not UTF-8.
    pub(super) fn of(bytes: &[u8], error: &Utf8Error) -> Self {
        if let Some((_, likely)) = Self::by_nul(bytes) {
            return likely;
        }
        let looked_at = bytes.get(..LOOKED_AT).unwrap_or(bytes);
        // Without ASCII there is no NUL that shows UTF-16.
        let (pairs, _) = looked_at.as_chunks::<2>();
        if let Some(name) = utf16_order(pairs) {
            return Self::Encoding(name);
        }
        if looked_at.iter().filter(|&&byte| is_odd_control(byte)).count() * NUL_SHARE > looked_at.len() {
            return Self::Binary;
        }
        // Sequences of UTF-8 do not come about by accident.
        let mut valid = 0;
        let mut broken = 0;
        for chunk in looked_at.utf8_chunks() {
            valid += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
            broken += usize::from(!chunk.invalid().is_empty());
        }
        if valid > 2 * broken {
            let cut = error.error_len().is_none();
            return if cut { Self::CutUtf8 } else { Self::DamagedUtf8 };
        }
        Self::Encoding(eight_bit(looked_at))
    }

    /// What to do, as a command where there is one.
    pub(super) fn cure(&self, file: &str) -> String {
        let convert = |command: &str| {
            if file == STANDARD_INPUT {
                format!("convert it: pipe it through `{command}` first")
            } else {
                let (from, to) = (quoted(file), quoted(&converted_name(file)));
                format!("convert it with `{command} {from} > {to}`, or save it as UTF-8 in an editor")
            }
        };
        // Programs that take a file and name, or are told, another.
        let with_file = |command: &str| {
            let file = if file == STANDARD_INPUT { "FILE".to_owned() } else { quoted(file) };
            format!("make text of it with `{}`", command.replace("FILE", &file))
        };
        match self {
            Self::Encoding(name) => convert(&format!("iconv -f {name} -t UTF-8")),
            Self::CutUtf8 => "copy it again, the end is missing; or drop the broken character with `iconv -c -f UTF-8 -t UTF-8`".to_owned(),
            Self::DamagedUtf8 => convert("iconv -c -f UTF-8 -t UTF-8"),
            Self::Format(format) => match format {
                Format::Compressed("gzip") if file == STANDARD_INPUT => "unpack it: pipe it through `gunzip` first".to_owned(),
                Format::Compressed("gzip") => with_file("gunzip --keep FILE"),
                Format::Compressed(program) => with_file(&format!("{program} -d -k FILE")),
                Format::Document(_) => with_file("pandoc -t plain FILE -o text.txt"),
                Format::OldOffice => with_file("soffice --headless --convert-to txt:Text FILE"),
                Format::Pdf => with_file("pdftotext FILE text.txt"),
                Format::Image => with_file("tesseract FILE text"),
                Format::Archive("zip") => with_file("unzip FILE"),
                Format::Archive("tar") => with_file("tar -xf FILE"),
                Format::Archive(_) => "unpack it and give the text file inside".to_owned(),
                Format::Table(_) => "export it as JSON or as plain text".to_owned(),
                Format::LfsPointer => "run `git lfs pull` to get the file itself".to_owned(),
                Format::Program => "give a text file".to_owned(),
            },
            Self::Binary => "give a text file in UTF-8".to_owned(),
        }
    }
}

impl fmt::Display for Likely {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding(name) => write!(formatter, "probably {name}"),
            Self::CutUtf8 => write!(formatter, "UTF-8 cut off within a character"),
            Self::DamagedUtf8 => write!(formatter, "UTF-8 with damaged characters"),
            Self::Binary => write!(formatter, "binary data"),
            Self::Format(format) => match format {
                Format::Compressed(name) => write!(formatter, "a file compressed with {name}"),
                Format::Document(name) | Format::Table(name) => write!(formatter, "{name}"),
                Format::OldOffice => write!(formatter, "an old Word, Excel or PowerPoint file"),
                Format::Pdf => write!(formatter, "a PDF"),
                Format::Image => write!(formatter, "an image"),
                Format::Archive(name) => write!(formatter, "a {name} archive"),
                Format::Program => write!(formatter, "a program"),
                Format::LfsPointer => write!(formatter, "a Git LFS pointer instead of the file"),
            },
        }
    }
}

/// What a zip file is, by the name and the start of its first entry.
fn zipped(bytes: &[u8]) -> Format {
    let holds = |part: &[u8]| {
        let start = bytes.get(30..200.min(bytes.len())).unwrap_or_default();
        start.windows(part.len()).any(|window| window == part)
    };
    if holds(b"mimetypeapplication/epub+zip") {
        Format::Document("an EPUB book")
    } else if holds(b"mimetypeapplication/vnd.oasis.opendocument") {
        Format::Document("an OpenDocument file")
    } else if holds(b"[Content_Types].xml") || holds(b"_rels/.rels") || holds(b"docProps/") {
        Format::Document("a Word document (or another of Office)")
    } else {
        Format::Archive("zip")
    }
}

/// The order of bytes in which units of 16 bits are text, if they are in one.
fn utf16_order(pairs: &[[u8; 2]]) -> Option<&'static str> {
    let is_text = |from_pair| {
        pairs_are_text(pairs, from_pair)
            && (pairs_are_of_few_blocks(pairs, from_pair) || pairs_are_east_asian(pairs, from_pair))
    };
    match (is_text(u16::from_le_bytes), is_text(u16::from_be_bytes)) {
        (true, false) => Some("UTF-16LE"),
        (false, true) => Some("UTF-16BE"),
        _ => None,
    }
}

/// Whether nearly all units of 16 bits come from two blocks of 256 characters, and vary within them: an alphabet, and
/// ASCII's blanks and digits. Read in the wrong order, or being something else, they are from blocks all over.
fn pairs_are_of_few_blocks(pairs: &[[u8; 2]], from_pair: fn([u8; 2]) -> u16) -> bool {
    let (mut blocks, mut within) = ([0usize; 256], [false; 256]);
    for pair in pairs {
        let [block, place] = from_pair(*pair).to_be_bytes();
        if let (Some(count), Some(seen)) =
            (blocks.get_mut(usize::from(block)), within.get_mut(usize::from(place)))
        {
            *count += 1;
            *seen = true;
        }
    }
    let used = blocks.iter().filter(|&&count| count > 0).count();
    blocks.sort_unstable();
    let two: usize = blocks.iter().rev().take(2).sum();
    let places = within.iter().filter(|&&seen| seen).count();
    pairs.len() > 3 && two * 10 >= pairs.len() * 9 && places > used
}

/// Whether units of 16 bits are characters that a text may hold.
fn pairs_are_text(pairs: &[[u8; 2]], from_pair: fn([u8; 2]) -> u16) -> bool {
    let is_text = |c: char| !c.is_control() || c.is_whitespace() || c == '\u{1b}';
    let mut characters = char::decode_utf16(pairs.iter().copied().map(from_pair));
    let all = characters.by_ref().all(|character| character.is_ok_and(is_text));
    // The bound on what is looked at may part the last pair.
    all || characters.next().is_none()
}

/// Whether nearly all units of 16 bits are ideographs, kana, Hangul or what stands between them. Pairs of bytes of other
/// encodings may all look like letters, so some must be punctuation; with Hangul, which is a large range, ASCII's.
fn pairs_are_east_asian(pairs: &[[u8; 2]], from_pair: fn([u8; 2]) -> u16) -> bool {
    let count = |is_one: fn(u16) -> bool| pairs.iter().filter(|&&pair| is_one(from_pair(pair))).count();
    let ascii = count(|unit| matches!(unit, 0x20..=0x7e | 0x09..=0x0d));
    let marks = count(|unit| matches!(unit, 0x3000..=0x30ff | 0xff00..=0xffef));
    let ideographs = count(|unit| matches!(unit, 0x4e00..=0x9fff));
    let hangul = count(|unit| matches!(unit, 0xac00..=0xd7a3));
    // A stray NUL in text of 8 bits makes one pair look like ASCII.
    let is_marked = ascii * NUL_SHARE >= pairs.len() || marks > 0 && hangul == 0;
    pairs.len() > 3 && is_marked && (ascii + marks + ideographs + hangul) * 10 > pairs.len() * 9
}

fn is_odd_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | 0x1b)
}

/// The likeliest encoding of text with bytes above 0x7f that are not UTF-8.
fn eight_bit(bytes: &[u8]) -> &'static str {
    let high = bytes.iter().filter(|&&byte| byte >= 0x80).count();
    let letters = bytes.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if high > letters {
        if let Some(name) = two_bytes(bytes, high) {
            return name;
        }
        // Lower-case letters are the commoner half, and the two encodings have them in different places.
        let count = |low, last| bytes.iter().filter(|&&byte| (low..=last).contains(&byte)).count();
        let (first_half, second_half) = (count(0xc0, 0xdf), count(0xe0, 0xff));
        return if first_half > second_half { "KOI8-R" } else { "WINDOWS-1251" };
    }
    // iconv refuses the five bytes that Windows-1252 leaves open.
    let open = bytes.iter().any(|byte| matches!(byte, 0x81 | 0x8d | 0x8f | 0x90 | 0x9d));
    if open { "ISO-8859-1" } else { "WINDOWS-1252" }
}

/// An encoding of two bytes a character, if nearly all bytes come in its pairs.
fn two_bytes(bytes: &[u8], high: usize) -> Option<&'static str> {
    // In EUC both are from a1 on; elsewhere the second may be ASCII.
    let euc = pairs(bytes, |lead| (0xa1..=0xfe).contains(&lead), |trail| (0xa1..=0xfe).contains(&trail));
    if let Some(leads) = euc {
        let share = |from: u8, to: u8| {
            let within = leads.iter().filter(|&&lead| (from..=to).contains(&lead)).count();
            within as f64 / leads.len().max(1) as f64
        };
        return Some(if share(0xa4, 0xa5) > 0.25 {
            "EUC-JP"
        } else if share(0xb0, 0xc8) > 0.85 {
            "EUC-KR"
        } else {
            "GB18030"
        });
    }
    let is_trail = |trail: u8| matches!(trail, 0x40..=0x7e | 0x80..=0xfc);
    if let Some(leads) = pairs(bytes, |lead| matches!(lead, 0x81..=0x9f | 0xe0..=0xfc), is_trail)
        && leads.iter().filter(|lead| matches!(lead, 0x81..=0x83)).count() * 4 > leads.len()
    {
        return Some("SHIFT_JIS");
    }
    let big5 = pairs(
        bytes,
        |lead| (0xa1..=0xf9).contains(&lead),
        |trail| matches!(trail, 0x40..=0x7e | 0xa1..=0xfe),
    );
    // Half of its second bytes are ASCII: those of other alphabets are not.
    big5.filter(|leads| leads.len() * 3 > high * 2).map(|_| "BIG5")
}

/// The first bytes of the pairs, if every byte above 0x7f belongs to one.
fn pairs(bytes: &[u8], is_lead: impl Fn(u8) -> bool, is_trail: impl Fn(u8) -> bool) -> Option<Vec<u8>> {
    let mut leads = Vec::new();
    let mut rest = bytes.iter().copied();
    while let Some(byte) = rest.next() {
        if byte < 0x80 {
            continue;
        }
        match rest.next() {
            Some(trail) if is_lead(byte) && is_trail(trail) => leads.push(byte),
            // The bound on what is looked at may part the last pair.
            None if is_lead(byte) => {}
            _ => return None,
        }
    }
    (leads.len() > 1).then_some(leads)
}

/// `a.txt` becomes `a.utf8.txt`, `a.json` `a.utf8.json`.
fn converted_name(file: &str) -> String {
    let (stem, ending) = match file.rsplit_once('.') {
        Some((stem, ending))
            if !stem.is_empty() && !stem.ends_with(['/', '\\']) && !ending.contains(['/', '\\']) =>
        {
            (stem, ending)
        }
        _ => (file, "txt"),
    };
    format!("{stem}.utf8.{ending}")
}

/// A file's name as a shell takes it.
fn quoted(file: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '/' | '_' | '-' | ':' | '\\');
    if !file.is_empty() && file.chars().all(plain) && !file.contains('\\') {
        file.to_owned()
    } else {
        format!("'{}'", file.replace('\'', "'\\''"))
    }
}
