//! What the thread for models does.

use std::{
    any::Any,
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender},
    },
    time::Instant,
};

use egui::Context;
use spanbert_backends::{BackendKind, DeviceChoice, Precision, fault};
use spanbert_core::{
    advice::Advice,
    ask::{AskError, AskOptions, Explained, explain},
    engine::EngineError,
    fetch::{Places, locate_model},
    open::{Notice, OpenError, OpenedModel},
};

use super::{Answered, Facts, LoadId, Reply, Slot, thread::Request};

/// Windows answered at once; enough to fill a device, few enough to give up soon.
const BATCH: usize = 8;

/// Works through requests until the window is gone.
pub(super) fn serve(requests: &Receiver<Request>, replies: &Sender<Reply>, context: &Context) {
    let mut models = Models {
        models: BTreeMap::new(),
        failed: Vec::new(),
        replies: replies.clone(),
        context: context.clone(),
    };
    while let Ok(request) = requests.recv() {
        match request {
            Request::Load { slot, load, folder, choice, cancel } => {
                models.load(slot, load, folder, &choice, &cancel);
            }
            Request::Unload { slot } => models.drop_model(slot),
            Request::Ask { slot, id, passage, question, cancel } => {
                models.ask(slot, id, &passage, &question, &cancel);
            }
        }
    }
}

struct Models {
    models: BTreeMap<Slot, OpenedModel>,
    /// Backends that have failed and why; what they compute in this process is not to be trusted any more.
    failed: Vec<(BackendKind, String)>,
    replies: Sender<Reply>,
    context: Context,
}

/// What was said while a checkpoint was opened.
#[derive(Default)]
struct Told {
    warnings: Vec<String>,
    notes: Vec<String>,
}

/// Why there is no model or no answer.
enum Failure {
    Cancelled,
    Told(String),
    /// A device thread has failed; the text says how.
    Device(String),
}

impl Models {
    fn load(
        &mut self,
        slot: Slot,
        load: LoadId,
        folder: PathBuf,
        choice: &DeviceChoice,
        cancel: &AtomicBool,
    ) {
        // Before the new one is made: both may not fit on the device.
        self.drop_model(slot);
        let started = Instant::now();
        let (mut told, mut kind) = (Told::default(), choice.kind());
        let outcome = self.open(load, &folder, choice, cancel, &mut told, &mut kind);
        let reply = match outcome {
            Ok(model) => {
                let facts = Facts {
                    folder,
                    architecture: model.report.architecture.clone(),
                    parameters: model.report.parameters,
                    meta: model.meta.clone(),
                    device: model.device.clone(),
                    lower_case: model.do_lower_case,
                    windows: model.window_options(),
                    warnings: told.warnings,
                    notes: told.notes,
                    load_secs: started.elapsed().as_secs_f64(),
                };
                self.models.insert(slot, model);
                Reply::Loaded { load, facts: Box::new(facts) }
            }
            Err(Failure::Cancelled) => Reply::LoadCancelled { load },
            Err(Failure::Told(message)) => Reply::LoadFailed { load, message },
            Err(Failure::Device(cause)) => {
                let message = self.device_failed(kind, &cause);
                Reply::LoadFailed { load, message }
            }
        };
        self.say(reply);
    }

    fn open(
        &self,
        load: LoadId,
        folder: &std::path::Path,
        choice: &DeviceChoice,
        cancel: &AtomicBool,
        told: &mut Told,
        kind: &mut Option<BackendKind>,
    ) -> Result<OpenedModel, Failure> {
        if *kind == Some(BackendKind::Cpu) {
            // The processor has nothing to do with the fault of a device that is out of use.
            fault::take();
        }
        if let Some(told) = kind.and_then(|kind| self.refusal(kind)) {
            return Err(Failure::Told(told));
        }
        // A name such as a model was fetched under.
        let located =
            locate_model(folder, &Places::from_env()).map_err(|error| Failure::Told(error.in_one_line()))?;
        told.warnings.extend(located.note);
        let folder = located.path;
        let mut at_device = false;
        let mut notices = |notice| {
            match notice {
                Notice::Stage(text) => {
                    at_device = text == spanbert_core::open::LOOKING_FOR_DEVICE;
                    self.say(Reply::Stage { load, text: text.into_owned() });
                }
                Notice::Note(text) => {
                    // What concerns the device is shown with it once it is there.
                    if !at_device {
                        told.notes.push(text.clone());
                    }
                    self.say(Reply::Stage { load, text });
                }
                Notice::Warning(text) => told.warnings.push(text),
            }
            !cancel.load(Ordering::Relaxed)
        };
        let open = || OpenedModel::open(&folder, choice, None, Precision::F32, &mut notices);
        let model = match catch_unwind(AssertUnwindSafe(open)) {
            Ok(Ok(model)) => model,
            Ok(Err(OpenError::Cancelled)) => return Err(Failure::Cancelled),
            Ok(Err(OpenError::Engine(EngineError::Fault(fault)))) => {
                return Err(Failure::Device(fault.to_string()));
            }
            Ok(Err(error)) => return Err(Failure::Told(error.in_one_line())),
            Err(panic) => return Err(Failure::Told(internal(&*panic))),
        };
        *kind = Some(model.device.kind);
        // "auto" may have led to a backend that has failed before.
        if let Some(told) = self.refusal(model.device.kind) {
            return Err(Failure::Told(told));
        }
        if cancel.load(Ordering::Relaxed) { Err(Failure::Cancelled) } else { Ok(model) }
    }

    fn ask(&mut self, slot: Slot, id: u64, passage: &Arc<str>, question: &str, cancel: &AtomicBool) {
        let started = Instant::now();
        let kind = self.models.get(&slot).map(|model| model.device.kind);
        let mut outcome = self.answer(slot, id, passage, question, cancel);
        if kind == Some(BackendKind::Cpu)
            && let Err(Failure::Device(cause)) = &outcome
        {
            // The processor has no threads that fail; another device's fault came in between.
            let others: Vec<_> = self.kinds().into_iter().filter(|kind| *kind != BackendKind::Cpu).collect();
            for other in others {
                self.device_failed(Some(other), &cause.clone());
            }
            fault::take();
            outcome = self.answer(slot, id, passage, question, cancel);
        }
        let reply = match outcome {
            Ok(explained) => {
                let answered = Answered { explained, secs: started.elapsed().as_secs_f64() };
                Reply::Answered { slot, id, answered: Box::new(answered) }
            }
            Err(Failure::Cancelled) => Reply::AskCancelled { slot, id },
            Err(Failure::Told(message)) => Reply::AskFailed { slot, id, message },
            Err(Failure::Device(cause)) => {
                let message = self.device_failed(kind, &cause);
                Reply::AskFailed { slot, id, message }
            }
        };
        self.say(reply);
    }

    fn answer(
        &mut self,
        slot: Slot,
        id: u64,
        passage: &str,
        question: &str,
        cancel: &AtomicBool,
    ) -> Result<Explained, Failure> {
        let (replies, context) = (self.replies.clone(), self.context.clone());
        let Some(model) = self.models.get_mut(&slot) else {
            return Err(Failure::Told("there is no model any more; load the checkpoint again".to_owned()));
        };
        let windows = model.window_options();
        let answers = model.answer_options();
        let options = AskOptions {
            // What the model has no positions for is lowered, and said, with the question.
            windows: model.wanted_window_options(),
            n_best_size: answers.n_best_size,
            max_answer_length: answers.max_answer_length,
            threshold: spanbert_core::evaluate::Abstention::default_threshold(&model.meta),
            batch_size: model.eval_batch(BATCH, &windows).max(1),
            length_multiple: model.length_multiple(),
        };
        let mut progress = |done, total| {
            if done > 0 {
                // The window may be closing.
                let _ = replies.send(Reply::Progress { slot, id, done, total });
                context.request_repaint();
            }
            !cancel.load(Ordering::Relaxed)
        };
        let ask = || {
            let engine = model.engine.as_mut();
            explain(engine, &model.tokenizer, passage, question, &options, &mut progress)
        };
        match catch_unwind(AssertUnwindSafe(ask)) {
            Ok(Ok(explained)) => Ok(explained),
            Ok(Err(AskError::Cancelled)) => Err(Failure::Cancelled),
            Ok(Err(AskError::Engine(EngineError::Fault(fault)))) => Err(Failure::Device(fault.to_string())),
            // The device could not be read: as good as gone.
            Ok(Err(AskError::Engine(EngineError::Read(cause)))) => Err(Failure::Device(cause)),
            Ok(Err(error)) => Err(Failure::Told(error.in_one_line())),
            Err(panic) => Err(Failure::Told(internal(&*panic))),
        }
    }

    /// Drops the models of a backend that has failed and refuses it from now on. Gives what to say.
    fn device_failed(&mut self, kind: Option<BackendKind>, cause: &str) -> String {
        let remedy = if fault::is_out_of_memory(cause) { "unload other models or use" } else { "use" };
        let kind = kind.unwrap_or(BackendKind::Cpu);
        let message = format!(
            "{kind} has failed: {cause}; {remedy} another device, or start SpanBERT Studio again to use this one"
        );
        if !self.failed.iter().any(|(failed, _)| *failed == kind) {
            self.failed.push((kind, cause.to_owned()));
        }
        let slots: Vec<Slot> = self
            .models
            .iter()
            .filter(|(_, model)| model.device.kind == kind)
            .map(|(slot, _)| *slot)
            .collect();
        for slot in &slots {
            self.drop_model(*slot);
        }
        // What is left runs elsewhere and is not touched by this fault.
        fault::take();
        self.say(Reply::Lost { message: message.clone(), slots });
        message
    }

    fn refusal(&self, kind: BackendKind) -> Option<String> {
        let (_, cause) = self.failed.iter().find(|(failed, _)| *failed == kind)?;
        Some(format!(
            "{kind} has failed before ({cause}); use another device, or start SpanBERT Studio again to use this one"
        ))
    }

    fn kinds(&self) -> Vec<BackendKind> {
        self.models.values().map(|model| model.device.kind).collect()
    }

    fn drop_model(&mut self, slot: Slot) {
        let Some(model) = self.models.remove(&slot) else { return };
        // Freeing memory on a device that is gone may fail, and then there is nothing left to do.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(model)));
    }

    fn say(&self, reply: Reply) {
        // The window may be closing.
        let _ = self.replies.send(reply);
        self.context.request_repaint();
    }
}

/// A panic in words: it is our mistake, and the window lives on.
fn internal(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    format!("a mistake in this program: {text}; please report it with the checkpoint's name")
}
