//! Paths that stand for what the user has handed to the page: files of the browser, whose contents are read only when they are
//! needed, and what was made here.
//!
//! A path is a name, or a folder's name and one in it.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};

use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use spanbert_core::demo;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use super::{Made, Trouble};

/// What a file holds.
#[derive(Clone)]
pub enum Content {
    /// A `File` of the browser.
    Handed(JsValue),
    /// Made here.
    Made(Arc<[u8]>),
}

/// Most bytes of a file that the page itself reads; those of models are read by Web Workers.
const LARGEST: u64 = 512 << 20;

thread_local! {
    static FILES: RefCell<BTreeMap<PathBuf, Content>> = const { RefCell::new(BTreeMap::new()) };
    /// What was handed over last under each name.
    static HANDED: RefCell<BTreeMap<PathBuf, u64>> = const { RefCell::new(BTreeMap::new()) };
}

#[wasm_bindgen]
extern "C" {
    /// Has the browser save a file among its downloads.
    #[wasm_bindgen(js_namespace = studio)]
    fn download(name: &str, content: &Uint8Array);
}

impl Content {
    /// For a Web Worker: a `File`, which is not copied, or bytes, which are.
    #[must_use]
    pub fn to_js(&self) -> JsValue {
        match self {
            Self::Handed(file) => file.clone(),
            Self::Made(content) => Uint8Array::from(content.as_ref()).into(),
        }
    }

    /// The file under a name, if it was made here.
    #[must_use]
    pub fn made(&self, name: String) -> Option<Made> {
        match self {
            Self::Handed(_) => None,
            Self::Made(content) => Some(Made { name, content: content.to_vec() }),
        }
    }
}

/// Takes in files as the page's script gives them: `[{path, file}]`, the path beginning with the folder that was dropped, if it
/// was one. Gives the paths of what was handed over: folders, and files that were not in any. With `together` loose files are
/// one folder: those of a checkpoint, chosen one by one.
pub fn hand_over(files: &Array, together: bool) -> Vec<PathBuf> {
    let entries: Vec<(PathBuf, JsValue)> = files
        .iter()
        .filter_map(|entry| {
            let path = Reflect::get(&entry, &"path".into()).ok()?.as_string()?;
            Some((PathBuf::from(path.trim_start_matches('/')), Reflect::get(&entry, &"file".into()).ok()?))
        })
        .collect();
    let is_model = |path: &Path| matches!(path.to_str(), Some("config.json" | "bert_config.json"));
    // Files of a model that were dropped side by side belong together, too.
    let together = together || (entries.len() > 1 && entries.iter().any(|(path, _)| is_model(path)));
    let mut roots: Vec<PathBuf> = Vec::new();
    for (path, file) in entries {
        let loose = path.components().count() == 1;
        let path = if together && loose { Path::new(TOGETHER).join(path) } else { path };
        let root: PathBuf = path.components().take(1).collect();
        if !roots.contains(&root) {
            HANDED.with_borrow_mut(|handed| {
                let next = handed.values().max().map_or(1, |last| last + 1);
                handed.insert(root.clone(), next);
            });
            // What had this name before is gone.
            FILES.with_borrow_mut(|files| {
                files
                    .retain(|known, content| matches!(content, Content::Made(_)) || !known.starts_with(&root))
            });
            roots.push(root);
        }
        keep(path, Content::Handed(file));
    }
    roots
}

/// Which handing over a path's files came with: two that have a name in common differ in it. 0 for what was made here.
#[must_use]
pub fn handing(path: &Path) -> u64 {
    let root: PathBuf = path.components().take(1).collect();
    HANDED.with_borrow(|handed| handed.get(&root).copied().unwrap_or_default())
}

/// The folder of files that were chosen one by one.
const TOGETHER: &str = "chosen files";

/// Keeps a file under a path until the page is closed.
pub fn keep(path: PathBuf, content: Content) {
    FILES.with_borrow_mut(|files| files.insert(path, content));
}

/// All files of a folder and of those in it, by what their paths have beyond it.
#[must_use]
pub fn below(folder: &Path) -> Vec<(String, Content)> {
    let name = |path: &Path| path.strip_prefix(folder).ok()?.to_str().map(str::to_owned);
    FILES.with_borrow(|files| {
        let inside = files.iter().filter_map(|(path, content)| Some((name(path)?, content.clone())));
        inside.filter(|(name, _)| !name.is_empty()).collect()
    })
}

/// What is known of a file.
#[must_use]
pub fn content(path: &Path) -> Option<Content> {
    FILES.with_borrow(|files| files.get(path).cloned())
}

/// The files right in a folder, by name.
#[must_use]
pub fn within(folder: &Path) -> Vec<(String, Content)> {
    below(folder).into_iter().filter(|(name, _)| !name.contains('/')).collect()
}

/// Bytes of a file.
#[must_use]
pub fn size(path: &Path) -> Option<u64> {
    match content(path)? {
        Content::Made(content) => Some(content.len() as u64),
        Content::Handed(file) => Reflect::get(&file, &"size".into()).ok()?.as_f64().map(|bytes| bytes as u64),
    }
}

/// The folders right in a folder.
#[must_use]
pub fn folders(folder: &Path) -> Vec<PathBuf> {
    let inside = |path: &PathBuf| {
        let mut parts = path.strip_prefix(folder).ok()?.components();
        let first = parts.next()?;
        parts.next().map(|_| folder.join(first))
    };
    let mut folders: Vec<PathBuf> = FILES.with_borrow(|files| files.keys().filter_map(inside).collect());
    folders.dedup();
    folders
}

/// Whether there is a file.
#[must_use]
pub fn is_file(path: &Path) -> bool {
    FILES.with_borrow(|files| files.contains_key(path))
}

/// Whether there is a folder; the demonstration's model is one.
#[must_use]
pub fn is_folder(path: &Path) -> bool {
    let within = |known: &PathBuf| known != path && known.starts_with(path);
    path == Path::new(demo::MODEL_NAME) || FILES.with_borrow(|files| files.keys().any(within))
}

/// Whether there is a folder that holds a model.
#[must_use]
pub fn is_checkpoint(path: &Path) -> bool {
    path == Path::new(demo::MODEL_NAME)
        || ["config.json", "bert_config.json"].iter().any(|name| is_file(&path.join(name)))
}

/// The content of a file.
///
/// # Errors
/// If nobody has handed it over, it has changed on the disk since, or it is too large.
pub async fn read(path: &Path) -> io::Result<Vec<u8>> {
    if size(path).is_some_and(|size| size > LARGEST) {
        return Err(io::Error::other("it is larger than 512 MiB, which is too much for a page"));
    }
    match content(path) {
        None => Err(ErrorKind::NotFound.into()),
        Some(Content::Made(content)) => Ok(content.to_vec()),
        Some(Content::Handed(file)) => {
            let failed = |error: JsValue| io::Error::other(Trouble::from(error).cause());
            let read: Function =
                Reflect::get(&file, &"arrayBuffer".into()).map_err(failed)?.dyn_into().map_err(failed)?;
            let promise: Promise = read.call0(&file).map_err(failed)?.dyn_into().map_err(failed)?;
            let buffer = JsFuture::from(promise).await.map_err(failed)?;
            Ok(Uint8Array::new(&buffer).to_vec())
        }
    }
}

/// The path of the demonstration's model.
///
/// # Errors
/// Never.
pub fn demo_model() -> Result<PathBuf, String> {
    Ok(PathBuf::from(demo::MODEL_NAME))
}

/// Has the browser save files that were made of an evaluation; several in one archive, as browsers ask before each of several
/// downloads. Gives where they are.
///
/// # Errors
/// Never.
pub fn save(evaluation: &Path, files: &[Made]) -> Result<String, String> {
    let (name, content) = match files {
        [only] => (only.name.clone(), only.content.clone()),
        _ => {
            let name = evaluation.file_name().map_or_else(|| "exports".into(), |name| name.to_string_lossy());
            (format!("{name}.zip"), super::zip::archive(files))
        }
    };
    download(&name, &Uint8Array::from(content.as_slice()));
    Ok(format!("downloaded as {name}"))
}
