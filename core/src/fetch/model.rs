//! A model of the hub, into the user's cache.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use hf_hub::{Cache, CacheRepo, Repo, RepoType};

use super::{
    FetchError, FetchEvent, Fetched, KNOWN_MODELS, KnownModel, Places, SQUAD_SETS, Watcher,
    listing::{Listing, Sibling},
    transfer::{Client, Wanted},
};
use crate::{
    checkpoint::{
        CheckpointError, MAX_INDEX_BYTES, SAFETENSORS_FILE, SAFETENSORS_INDEX, ShardIndex, TORCH_FILE,
        TORCH_INDEX, check_description, instead,
    },
    config::BertConfig,
};

/// Architecture; looked at before anything else is fetched.
const CONFIG: &str = "config.json";
/// Weights in one piece or, by their index, in several; the better format first.
const WEIGHTS: [&str; 4] = [SAFETENSORS_FILE, SAFETENSORS_INDEX, TORCH_FILE, TORCH_INDEX];
/// Vocabularies, of which one is needed.
const VOCABULARIES: [&str; 2] = ["vocab.txt", "tokenizer.json"];
/// Taken along if they are there.
const EXTRAS: [&str; 4] =
    ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "spanbert.json"];

/// Fetches a model by its short name, or by `organisation/model`, with `@revision` if it is not to be `main`.
///
/// # Errors
/// If the name means nothing, the hub cannot be asked, or what it has cannot be used or written.
pub(super) fn fetch_model(
    name: &str,
    places: &Places,
    watcher: &mut Watcher<'_>,
) -> Result<Fetched, FetchError> {
    fetch(name, Client::new(places.clone()), watcher)
}

pub(super) fn fetch(name: &str, client: Client, watcher: &mut Watcher<'_>) -> Result<Fetched, FetchError> {
    let address = Address::of(name).ok_or_else(|| unknown(name))?;
    let repo = address.in_cache(&client.places);
    if client.places.offline {
        let folder = snapshot(&repo).ok_or_else(|| FetchError::Offline { name: name.to_owned() })?;
        return found(&address, folder, None);
    }
    if !watcher(FetchEvent::Listing { name: &address.id }) {
        return Err(FetchError::Cancelled);
    }
    let listing = Listing::ask(&client, &address.id, &address.revision)?;
    let _lock = lock(&client.places.cache, &address.folder_name())?;
    let root = client.places.cache.join(address.folder_name());
    let snapshot = repo.pointer_path(&listing.sha);
    let transfer =
        Transfer { client: &client, id: &address.id, listing: &listing, root: &root, snapshot: &snapshot };
    transfer.all(watcher)?;
    // Last: from now on the snapshot counts as whole.
    repo.create_ref(&listing.sha).map_err(FetchError::file(&root))?;
    found(&address, snapshot, Some(&listing))
}

/// Getting the files of a repository into the cache.
struct Transfer<'a> {
    client: &'a Client,
    id: &'a str,
    listing: &'a Listing,
    /// The repository's folder in the cache.
    root: &'a Path,
    /// The commit's folder in it.
    snapshot: &'a Path,
}

impl Transfer<'_> {
    /// Gets all that is needed, the small files first: what is wrong with them shows before the weights are fetched.
    fn all(&self, watcher: &mut Watcher<'_>) -> Result<(), FetchError> {
        let config = self.listing.find(CONFIG).ok_or_else(|| lacks(self.id, CONFIG))?;
        self.get(config, watcher)?;
        // Before anything else is missed: a model of another family has another vocabulary and other files.
        self.check_config()?;
        let (small, weights) = choose(self.listing, self.id)?;
        for file in small {
            self.get(file, watcher)?;
        }
        let unsuitable = |cause| FetchError::Unsuitable { name: self.id.to_owned(), cause };
        check_description(self.snapshot).map_err(unsuitable)?;
        if !weights.name.ends_with(".index.json") {
            return self.get(weights, watcher);
        }
        if weights.content().is_none_or(|(size, _)| size > MAX_INDEX_BYTES) {
            return Err(lacks(self.id, "index of shards of a credible size"));
        }
        self.get(weights, watcher)?;
        let index = ShardIndex::read(&self.snapshot.join(&weights.name)).map_err(unsuitable)?;
        let shards = index.files().into_iter().map(|name| {
            let missing = || lacks(self.id, &format!("{name}, which {} names", weights.name));
            self.listing.find(name).ok_or_else(missing)
        });
        for shard in shards.collect::<Result<Vec<_>, _>>()? {
            self.get(shard, watcher)?;
        }
        Ok(())
    }

    fn check_config(&self) -> Result<(), FetchError> {
        let path = self.snapshot.join(CONFIG);
        let text = fs::read_to_string(&path).map_err(FetchError::file(&path))?;
        BertConfig::from_json(&text, CONFIG).map(drop).map_err(|cause| FetchError::Unsuitable {
            name: self.id.to_owned(),
            cause: CheckpointError::from(cause),
        })
    }

    /// Gets a file, unless it is there.
    fn get(&self, file: &Sibling, watcher: &mut Watcher<'_>) -> Result<(), FetchError> {
        let Self { client, id, listing, root, snapshot } = self;
        let url = format!("{}/{id}/resolve/{}/{}", client.places.hub, listing.sha, file.name);
        let Some((size, checksum)) = file.content() else {
            return Err(FetchError::Answer { url, why: "neither size nor checksum is given".to_owned() });
        };
        let blob = root.join("blobs").join(checksum.digits());
        // A file of this name and size was compared when it came; small ones are quickly compared again.
        let there = fs::metadata(&blob).is_ok_and(|data| data.len() == size)
            && (size > 1 << 20 || checksum.of_file(&blob)? == checksum.digits());
        if !there {
            let wanted = Wanted {
                name: &file.name,
                url: &url,
                size,
                checksum: &checksum,
                target: &blob,
                of_hub: true,
            };
            client.download(&wanted, watcher)?;
        }
        link(&blob, &snapshot.join(&file.name))?;
        if watcher(FetchEvent::Complete { name: &file.name, already: there }) {
            Ok(())
        } else {
            Err(FetchError::Cancelled)
        }
    }
}

/// What a name means on the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) id: String,
    pub(super) revision: String,
    known: Option<&'static KnownModel>,
}

impl Address {
    /// Gives nothing for what is no name.
    pub(super) fn of(name: &str) -> Option<Self> {
        let (id, revision) = name.split_once('@').unwrap_or((name, "main"));
        let known = KnownModel::find(id);
        let id = known.map_or(id, |known| known.id);
        let fits = |part: &str| {
            part.chars().next().is_some_and(|first| first.is_ascii_alphanumeric())
                && !part.contains("..")
                && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
        };
        let (organisation, model) = id.split_once('/')?;
        (fits(organisation) && fits(model) && fits(revision)).then(|| Self {
            id: id.to_owned(),
            revision: revision.to_owned(),
            known,
        })
    }

    fn repo(&self) -> Repo {
        Repo::with_revision(self.id.clone(), RepoType::Model, self.revision.clone())
    }

    fn folder_name(&self) -> String {
        self.repo().folder_name()
    }

    pub(super) fn in_cache(&self, places: &Places) -> CacheRepo {
        Cache::new(places.cache.clone()).repo(self.repo())
    }
}

/// The model's folder in the cache, if it is whole.
pub(super) fn snapshot(repo: &CacheRepo) -> Option<PathBuf> {
    let config = repo.get(CONFIG)?;
    let vocabulary = VOCABULARIES.iter().any(|name| repo.get(name).is_some());
    let whole = |path: &PathBuf| !is_index(path) || shards(path).is_some();
    let weights = WEIGHTS.iter().filter_map(|name| repo.get(name)).any(|path| whole(&path));
    (weights && vocabulary).then(|| config.parent().map(Path::to_owned))?
}

fn is_index(path: &Path) -> bool {
    path.ends_with(SAFETENSORS_INDEX) || path.ends_with(TORCH_INDEX)
}

/// The shards of an index, if all are there.
fn shards(index: &Path) -> Option<Vec<PathBuf>> {
    ShardIndex::read(index).and_then(|shards| shards.paths(index)).ok()
}

fn lacks(id: &str, missing: &str) -> FetchError {
    FetchError::Unusable { name: id.to_owned(), missing: missing.to_owned() }
}

/// The small files to get beside the configuration, and the file or the index of the weights.
fn choose<'a>(listing: &'a Listing, id: &str) -> Result<(Vec<&'a Sibling>, &'a Sibling), FetchError> {
    let mut small: Vec<_> = EXTRAS.iter().filter_map(|name| listing.find(name)).collect();
    let vocabularies: Vec<_> = VOCABULARIES.iter().filter_map(|name| listing.find(name)).collect();
    if vocabularies.is_empty() {
        return Err(lacks(id, "vocab.txt or tokenizer.json"));
    }
    small.extend(vocabularies);
    let weights = WEIGHTS.iter().find_map(|name| listing.find(name)).ok_or_else(|| {
        let instead = instead(listing.siblings.iter().map(|sibling| sibling.name.as_str()));
        let usual = "give the id of a BERT model in PyTorch or safetensors format";
        let (found, remedy) = instead.unwrap_or_else(|| (String::new(), usual.to_owned()));
        FetchError::NoWeights { name: id.to_owned(), found, remedy }
    })?;
    Ok((small, weights))
}

fn found(address: &Address, folder: PathBuf, listing: Option<&Listing>) -> Result<Fetched, FetchError> {
    let names = [CONFIG].iter().chain(&VOCABULARIES).chain(&EXTRAS).chain(&WEIGHTS);
    let mut files: Vec<PathBuf> = names.map(|name| folder.join(name)).filter(|path| path.is_file()).collect();
    let of_shards: Vec<PathBuf> =
        files.iter().filter(|path| is_index(path)).filter_map(|path| shards(path)).flatten().collect();
    files.extend(of_shards);
    let sizes = files.iter().map(|path| fs::metadata(path).map_err(FetchError::file(path)));
    let bytes = sizes.map(|data| data.map(|data| data.len())).sum::<Result<u64, _>>()?;
    let own = address.known.map(|known| known.licence.to_owned());
    Ok(Fetched {
        commit: folder.file_name().map(|name| name.to_string_lossy().into_owned()),
        files,
        bytes,
        licence: own.or_else(|| listing.and_then(Listing::licence)),
        folder,
    })
}

/// Puts a file of the cache where a snapshot has it.
fn link(blob: &Path, place: &Path) -> Result<(), FetchError> {
    if fs::canonicalize(place).is_ok_and(|there| fs::canonicalize(blob).is_ok_and(|blob| blob == there)) {
        return Ok(());
    }
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(FetchError::file(folder))?;
    }
    // A link to what is gone, or an older copy.
    if place.symlink_metadata().is_ok() {
        fs::remove_file(place).map_err(FetchError::file(place))?;
    }
    let name = blob.file_name().unwrap_or_default();
    symlink(&Path::new("..").join("..").join("blobs").join(name), place)
        // Windows without the right to make links.
        .or_else(|_| fs::copy(blob, place).map(|_| ()))
        .map_err(FetchError::file(place))
}

#[cfg(unix)]
fn symlink(target: &Path, place: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, place)
}

#[cfg(windows)]
fn symlink(target: &Path, place: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_file(target, place)
}

/// Keeps a second fetch of the same thing out while the value lives.
pub(super) fn lock(cache: &Path, name: &str) -> Result<File, FetchError> {
    let folder = cache.join(".locks").join(name);
    fs::create_dir_all(&folder).map_err(FetchError::file(&folder))?;
    let path = folder.join("spanbert.lock");
    let file = File::create(&path).map_err(FetchError::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(FetchError::Busy { name: name.to_owned() }),
        Err(fs::TryLockError::Error(error)) => Err(FetchError::file(&path)(error)),
    }
}

/// The error for what is no name.
pub(super) fn unknown(name: &str) -> FetchError {
    let names = KNOWN_MODELS.iter().map(|model| model.name).chain(SQUAD_SETS.iter().map(|set| set.name));
    FetchError::Name { name: name.to_owned(), known: names.collect::<Vec<_>>().join(", ") }
}
