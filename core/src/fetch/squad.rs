//! The SQuAD files, from their official address.

use std::fs;

use super::{
    FetchError, FetchEvent, Fetched, Places, SquadSet, Watcher,
    checksum::Checksum,
    model::{lock, unknown},
    transfer::{Client, Wanted},
};

/// Fetches the parts of a data set, `squad2` or `squad1`.
///
/// # Errors
/// If the name means nothing, the address does not answer, or a file is not what it should be or cannot be written.
pub(super) fn fetch_squad(
    name: &str,
    places: &Places,
    watcher: &mut Watcher<'_>,
) -> Result<Fetched, FetchError> {
    let set = SquadSet::find(name).ok_or_else(|| unknown(name))?;
    fetch(set, &Client::new(places.clone()), watcher)
}

pub(super) fn fetch(
    set: &SquadSet,
    client: &Client,
    watcher: &mut Watcher<'_>,
) -> Result<Fetched, FetchError> {
    let folder = &client.places.squad_folder;
    let mut fetched = Fetched {
        folder: folder.clone(),
        files: Vec::new(),
        bytes: 0,
        licence: Some(set.licence.to_owned()),
        commit: None,
    };
    let _lock = lock(folder, set.name)?;
    for file in &set.files {
        let target = folder.join(file.file);
        let checksum = Checksum::Sha256(file.sha256.to_owned());
        let there = fs::metadata(&target).is_ok_and(|data| data.len() == file.bytes)
            && checksum.of_file(&target)? == file.sha256;
        if !there {
            if client.places.offline {
                return Err(FetchError::Offline { name: format!("{}:{}", set.name, file.part) });
            }
            let url = format!("{}/{}", client.places.squad, file.file);
            let wanted = Wanted {
                name: file.file,
                url: &url,
                size: file.bytes,
                checksum: &checksum,
                target: &target,
                of_hub: false,
            };
            client.download(&wanted, watcher)?;
        }
        fetched.bytes += file.bytes;
        fetched.files.push(target);
        if !watcher(FetchEvent::Complete { name: file.file, already: there }) {
            return Err(FetchError::Cancelled);
        }
    }
    Ok(fetched)
}
