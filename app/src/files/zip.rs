//! Several files in one: a ZIP archive without compression (APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12 and 4.3.16).

use super::Made;

/// Version of the format that a reader needs: files as they are.
const VERSION: u16 = 10;
/// Names are UTF-8.
const UTF8: u16 = 1 << 11;
/// 1 January 1980, the first day that the format knows: an archive of the same files is the same.
const DATE: u16 = 1 << 5 | 1;

/// Packs files of less than 4 GiB together.
#[must_use]
pub fn archive(files: &[Made]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for Made { name, content } in files {
        let offset = out.len() as u32;
        // Flags, no compression, time, date, checksum, both sizes, the name's length and no extra field.
        let mut shared = Vec::new();
        short(&mut shared, &[VERSION, UTF8, 0, 0, DATE]);
        let size = content.len() as u32;
        long(&mut shared, &[crc32(content), size, size]);
        short(&mut shared, &[name.len() as u16, 0]);
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&shared);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(content);
        directory.extend_from_slice(b"PK\x01\x02");
        short(&mut directory, &[VERSION]);
        directory.extend_from_slice(&shared);
        // No comment, the first disk, no attributes.
        short(&mut directory, &[0, 0, 0]);
        long(&mut directory, &[0, offset]);
        directory.extend_from_slice(name.as_bytes());
    }
    let (start, count) = (out.len() as u32, files.len() as u16);
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06");
    short(&mut out, &[0, 0, count, count]);
    long(&mut out, &[directory.len() as u32, start]);
    short(&mut out, &[0]);
    out
}

fn short(out: &mut Vec<u8>, values: &[u16]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

fn long(out: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

/// The checksum of ISO 3309.
fn crc32(content: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    !content.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (POLYNOMIAL & (sum & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        // The check value of the catalogue of CRC algorithms.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn the_directory_points_to_every_file() {
        let files = [("a.svg", "<svg/>"), ("\u{e9}.txt", "")]
            .map(|(name, content)| Made { name: name.into(), content: content.into() });
        let packed = archive(&files);
        let at = |place: usize| u32::from_le_bytes(packed[place..place + 4].try_into().unwrap()) as usize;
        let end = packed.len() - 22;
        assert_eq!(&packed[end..end + 4], b"PK\x05\x06");
        assert_eq!(usize::from(u16::from_le_bytes(packed[end + 10..end + 12].try_into().unwrap())), 2);
        let (size, mut entry) = (at(end + 12), at(end + 16));
        assert_eq!(entry + size, end);
        for file in &files {
            assert_eq!(&packed[entry..entry + 4], b"PK\x01\x02");
            let local = at(entry + 42);
            assert_eq!(&packed[local..local + 4], b"PK\x03\x04");
            let name = local + 30;
            let content = name + file.name.len();
            assert_eq!(&packed[name..content], file.name.as_bytes());
            assert_eq!(&packed[content..content + file.content.len()], file.content);
            assert_eq!(at(entry + 16), crc32(&file.content) as usize);
            entry += 46 + file.name.len();
        }
    }
}
