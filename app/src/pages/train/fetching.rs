//! Models and data by name, and fetching them when they are not there yet. Nothing is transferred before the user has read
//! what it is, how large, under which licence and from where.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
    mpsc::{Receiver, TryRecvError, channel},
};

use crate::symbols as icon;
use egui::{Context, Id, Label, Modal, ProgressBar, RichText, Ui};
use spanbert_core::advice::Advice;
use spanbert_core::fetch::{
    FetchError, FetchEvent, KNOWN_MODELS, Places, SQUAD_SETS, fetch, resolve_data, resolve_model,
};

use crate::{
    background,
    theme::{CAPTION_SIZE, CARD_TITLE_SIZE, GAP, Tokens},
    widgets::{bytes, primary_button},
};

/// Something with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) name: &'static str,
    /// Whether it is a model, not data.
    pub(super) is_model: bool,
    title: &'static str,
    licence: &'static str,
    bytes: u64,
    /// Whether it is in the cache.
    there: bool,
}

/// What the thread says.
enum News {
    At { file: String, done: u64, total: u64 },
    Again(String),
    Ended(Result<(), FetchError>),
}

/// A transfer.
struct Work {
    offer: Offer,
    news: Receiver<News>,
    cancel: Arc<AtomicBool>,
    file: String,
    done: u64,
    total: u64,
    /// Why it was tried again.
    trouble: Option<String>,
}

/// The names, and the transfer at work.
pub(super) struct Fetching {
    context: Context,
    places: Places,
    offers: Option<Vec<Offer>>,
    work: Option<Work>,
    asking: Option<Offer>,
    /// What failed, of models or not.
    error: Option<(bool, String)>,
}

impl Fetching {
    /// Asks nobody anything, and looks into the cache when it is first shown: windows start with another page.
    pub(super) fn new(context: &Context, places: Places) -> Self {
        Self { context: context.clone(), places, offers: None, work: None, asking: None, error: None }
    }

    /// Where names lead.
    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    /// Looks into the cache.
    fn look(&self) -> Vec<Offer> {
        let models = KNOWN_MODELS.iter().map(|model| Offer {
            name: model.name,
            is_model: true,
            title: model.title,
            licence: model.licence,
            bytes: model.megabytes * 1_000_000,
            there: resolve_model(model.name.as_ref(), &self.places).is_ok(),
        });
        let sets = SQUAD_SETS.iter().map(|set| Offer {
            name: set.name,
            is_model: false,
            title: set.title,
            licence: set.licence,
            bytes: set.bytes(),
            there: set.files.iter().all(|file| {
                resolve_data(format!("{}:{}", set.name, file.part).as_ref(), &self.places).is_ok()
            }),
        });
        models.chain(sets).collect()
    }

    /// Takes in what the thread says. Gives what has come.
    pub(super) fn poll(&mut self) -> Option<Offer> {
        let work = self.work.as_mut()?;
        let ended = loop {
            match work.news.try_recv() {
                Ok(News::At { file, done, total }) => {
                    (work.file, work.done, work.total, work.trouble) = (file, done, total, None);
                }
                Ok(News::Again(why)) => work.trouble = Some(why),
                Ok(News::Ended(outcome)) => break outcome,
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => break Err(FetchError::Cancelled),
            }
        };
        let offer = self.work.take()?.offer;
        self.offers = None;
        match ended {
            Ok(()) => return Some(offer),
            Err(FetchError::Cancelled) => {}
            Err(error) => self.error = Some((offer.is_model, error.in_one_line())),
        }
        None
    }

    /// Draws the names of models or of data, if the field is empty, and how far a transfer is. Gives the name that the user
    /// takes, which is there.
    pub(super) fn ui(&mut self, ui: &mut Ui, models: bool, empty: bool) -> Option<Offer> {
        let taken = if empty { self.names_ui(ui, models) } else { None };
        self.work_ui(ui, models);
        taken
    }

    fn names_ui(&mut self, ui: &mut Ui, models: bool) -> Option<Offer> {
        let mut taken = None;
        let mut wanted = None;
        let offers = self.offers.take().unwrap_or_else(|| self.look());
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("By name").size(CAPTION_SIZE).color(Tokens::of(ui).text_muted));
            for offer in offers.iter().filter(|offer| offer.is_model == models) {
                if offer.there {
                    if ui.small_button(offer.name).on_hover_text(offer.title).clicked() {
                        taken = Some(*offer);
                    }
                    continue;
                }
                let text = format!("{} {}…", icon::DOWNLOAD_SIMPLE, offer.name);
                let response = ui.add_enabled(self.work.is_none(), egui::Button::new(text).small());
                let name = format!("Download {}", offer.name);
                response.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::WidgetType::Button, self.work.is_none(), &name)
                });
                let hint = format!("{}: download {}", offer.title, bytes(offer.bytes));
                if response.on_hover_text(hint).clicked() {
                    wanted = Some(*offer);
                }
            }
        });
        self.offers = Some(offers);
        if wanted.is_some() {
            self.asking = wanted;
        }
        self.ask_ui(ui.ctx(), models);
        taken
    }

    fn work_ui(&mut self, ui: &mut Ui, models: bool) {
        let tokens = Tokens::of(ui);
        if let Some(work) = self.work.as_ref().filter(|work| work.offer.is_model == models) {
            ui.horizontal(|ui| {
                let share = if work.total > 0 { work.done as f32 / work.total as f32 } else { 0.0 };
                ui.add(ProgressBar::new(share).desired_width(160.0).desired_height(6.0).fill(tokens.accent));
                let text = if work.total == 0 {
                    format!("Asking for {}", work.offer.name)
                } else {
                    format!("{}: {} of {}", work.file, bytes(work.done), bytes(work.total))
                };
                ui.label(RichText::new(text).size(CAPTION_SIZE).color(tokens.text_muted));
                if ui.small_button("Cancel download").clicked() {
                    work.cancel.store(true, Ordering::Relaxed);
                }
            });
            if let Some(trouble) = &work.trouble {
                let text = format!("Trying again: {trouble}");
                ui.add(Label::new(RichText::new(text).size(CAPTION_SIZE).color(tokens.warning)).wrap());
            }
        }
        if let Some((_, error)) = self.error.as_ref().filter(|(of_model, _)| *of_model == models) {
            ui.add(Label::new(RichText::new(error).color(tokens.error)).wrap());
        }
    }

    fn ask_ui(&mut self, context: &Context, models: bool) {
        let Some(offer) = self.asking.filter(|offer| offer.is_model == models) else { return };
        let mut go = false;
        let modal = Modal::new(Id::new("fetch")).show(context, |ui| {
            ui.set_max_width(420.0);
            ui.label(RichText::new(format!("Download {}?", offer.title)).size(CARD_TITLE_SIZE).strong());
            ui.add_space(GAP / 2.0);
            let (from, into) = if offer.is_model {
                (&self.places.hub, &self.places.cache)
            } else {
                (&self.places.squad, &self.places.squad_folder)
            };
            let text = format!("{} from {from} into {}.", bytes(offer.bytes), into.display());
            ui.add(Label::new(text).wrap());
            ui.add(Label::new(format!("Licence: {}.", offer.licence)).wrap());
            ui.add_space(GAP / 2.0);
            ui.horizontal(|ui| {
                go = primary_button(ui, "Download", true).clicked();
                ui.button("Not now").clicked()
            })
            .inner
        });
        if modal.should_close() || modal.inner || go {
            self.asking = None;
        }
        if go {
            self.start(offer);
        }
    }

    fn start(&mut self, offer: Offer) {
        let (sender, news) = channel();
        let cancel = Arc::new(AtomicBool::new(false));
        let (places, context, cancelled) = (self.places.clone(), self.context.clone(), cancel.clone());
        let work = async move {
            let mut watcher = |event: FetchEvent<'_>| {
                let news = match event {
                    FetchEvent::File { name, done, total } => {
                        Some(News::At { file: name.to_owned(), done, total })
                    }
                    FetchEvent::Retry { why, .. } => Some(News::Again(why)),
                    FetchEvent::Listing { .. } | FetchEvent::Complete { .. } => None,
                };
                let heard = news.is_none_or(|news| sender.send(news).is_ok());
                context.request_repaint();
                // A window that is gone wants nothing any more; what has come is kept.
                heard && !cancelled.load(Ordering::Relaxed)
            };
            let outcome = fetch(offer.name, &places, &mut watcher);
            let _ = sender.send(News::Ended(outcome.map(|_| ())));
            context.request_repaint();
        };
        self.error = None;
        match background::start("fetch", work) {
            Ok(()) => {
                let (file, trouble) = (String::new(), None);
                self.work = Some(Work { offer, news, cancel, file, done: 0, total: 0, trouble });
            }
            Err(error) => {
                self.error = Some((offer.is_model, format!("the download could not start: {error}")));
            }
        }
    }
}
