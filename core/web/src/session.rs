//! A worker's work: one model at a time, and what is asked of it.

use std::{ops::ControlFlow, path::Path, pin::Pin, rc::Rc, sync::Arc};

use spanbert_backends::{BackendReport, DeviceChoice};
use spanbert_core::{
    advice::Advice,
    ask::{AskError, AskOptions, explain_async},
    breakdown::{Analysis, BreakdownError},
    checkpoint::Files,
    demo,
    engine::EngineError,
    evaluate::{BoxFuture, EvaluateError, EvaluateOptions, Monitor, PreparedEvaluation},
    hash::Fingerprint,
    open::{OpenError, OpenedModel},
    score::AnswerLanguage,
    squad::{Dataset, SquadError},
};

use crate::message::{Evaluated, Failure, ModelSource, Opened, Reply, Request};

/// Whoever asked.
pub trait Page {
    /// Hears of what happens before the reply.
    fn say(&self, reply: Reply);
    /// Lets the thread go until everything that waits was taken in; whether to go on then.
    fn pause(&self) -> Pin<Box<dyn Future<Output = bool>>>;
}

/// Contents of files.
pub type Contents = Vec<Vec<u8>>;

/// A model and what it does.
#[derive(Default)]
pub struct Session {
    model: Option<OpenedModel>,
    /// What it is called.
    name: String,
}

impl Session {
    /// Does what is asked. The reply is the last one, with the contents of the files that it names.
    pub async fn handle(
        &mut self,
        request: Request,
        contents: Contents,
        page: &Rc<dyn Page>,
    ) -> (Reply, Contents) {
        let done = match request {
            Request::Open { model, device, lower_case } => {
                self.open(model, contents, &device, lower_case, page).await.map(|reply| (reply, Vec::new()))
            }
            Request::Ask { passage, question, threshold } => {
                self.ask(&passage, &question, threshold, page).await.map(|reply| (reply, Vec::new()))
            }
            Request::Evaluate { file, threshold } => self.evaluate(&file, contents, threshold, page).await,
            Request::Close => {
                self.model = None;
                Ok((Reply::Closed, Vec::new()))
            }
            Request::Devices => Ok((Reply::Devices(known_devices().await), Vec::new())),
        };
        done.unwrap_or_else(|trouble| {
            let reply = match trouble {
                Trouble::Cancelled => Reply::Cancelled,
                Trouble::Told(failure) => {
                    if failure.device_failed {
                        self.model = None;
                    }
                    Reply::Failed(failure)
                }
            };
            (reply, Vec::new())
        })
    }

    async fn open(
        &mut self,
        source: ModelSource,
        contents: Contents,
        device: &DeviceChoice,
        lower_case: Option<bool>,
        page: &Rc<dyn Page>,
    ) -> Result<Reply, Trouble> {
        // Two models at once may be more than there is memory for.
        self.model = None;
        let files = match source {
            ModelSource::BuiltIn => demo::trained_files(),
            ModelSource::Files { name, files } => attached(&name, files, contents),
        };
        let name = files.name().display().to_string();
        let say = Rc::clone(page);
        let mut notices = move |notice| {
            say.say(Reply::Notice(notice));
            true
        };
        let model = OpenedModel::open_files(&files, device, lower_case, &mut notices).await?;
        let config = model.engine.config();
        let opened = Opened {
            name,
            device: model.device.clone(),
            architecture: model.report.architecture.clone(),
            parameters: config.parameter_count(),
            do_lower_case: model.do_lower_case,
            threshold: Some(model.ask_options().threshold).filter(|threshold| threshold.is_finite()),
            windows: model.window_options(),
            meta: model.meta.clone(),
        };
        self.name.clone_from(&opened.name);
        self.model = Some(model);
        Ok(Reply::Opened(Box::new(opened)))
    }

    async fn ask(
        &mut self,
        passage: &str,
        question: &str,
        threshold: Option<f64>,
        page: &Rc<dyn Page>,
    ) -> Result<Reply, Trouble> {
        let model = self.model.as_mut().ok_or_else(Trouble::no_model)?;
        let own = model.ask_options();
        let options = AskOptions { threshold: threshold.unwrap_or(own.threshold), ..own };
        let tokenizer = Arc::clone(&model.tokenizer);
        let engine = model.engine.as_mut();
        let mut progress = progress(page);
        let explained = explain_async(engine, &tokenizer, passage, question, &options, &mut progress).await?;
        Ok(Reply::Answered(Box::new(explained)))
    }

    async fn evaluate(
        &mut self,
        file: &str,
        contents: Contents,
        threshold: Option<f64>,
        page: &Rc<dyn Page>,
    ) -> Result<(Reply, Contents), Trouble> {
        let model = self.model.as_mut().ok_or_else(Trouble::no_model)?;
        let content = contents.concat();
        let dataset = Arc::new(Dataset::from_bytes(&content, file)?);
        let answer_language = AnswerLanguage::suggested_for(&dataset).unwrap_or_default();
        let options = EvaluateOptions { answer_language, ..model.evaluate_options() };
        let prepared = PreparedEvaluation::new(Arc::clone(&dataset), Arc::clone(&model.tokenizer), &options)?;
        let mut follower = Follower { page: Rc::clone(page), goes_on: true };
        let mut evaluation = prepared.run_async(model.engine.as_mut(), &mut follower).await?;
        // As `spanbert evaluate` notes it, so that a breakdown finds both again.
        evaluation.results.data = Some(Fingerprint::of_bytes(file, &content));
        evaluation.results.model = Some(self.name.clone());
        let analysis = Analysis::new(&dataset, evaluation.answers(file.to_owned())?)?;
        let report = analysis.report(threshold.unwrap_or_else(|| analysis.default_threshold()), &[])?;
        let (files, contents) =
            evaluation.files()?.into_iter().map(|(name, content)| (name.to_owned(), content)).unzip();
        let evaluated = Evaluated {
            results: evaluation.results,
            report: serde_json::to_value(&report).map_err(EvaluateError::from)?,
            warnings: dataset.warnings.iter().map(ToString::to_string).collect(),
            files,
        };
        Ok((Reply::Evaluated(Box::new(evaluated)), contents))
    }
}

/// The devices by backend, WebGPU opened where there is a browser that has it.
async fn known_devices() -> Vec<BackendReport> {
    // Why it cannot be used stands in its report.
    #[cfg(all(feature = "wgpu", target_family = "wasm"))]
    let _ = spanbert_backends::open_web_gpu().await;
    spanbert_backends::devices()
}

/// The files of a model. What a page calls them may begin with folders; the last part counts.
fn attached(name: &str, names: Vec<String>, contents: Contents) -> Files {
    let name = Path::new(name).file_name().map_or_else(|| "model".into(), ToOwned::to_owned);
    let mut files = Files::new(name);
    for (name, content) in names.into_iter().zip(contents) {
        let last = name.rsplit(['/', '\\']).next().unwrap_or(&name).to_owned();
        files.insert(last, content);
    }
    files
}

/// Says how far an evaluation is, and lets the page's messages in.
struct Follower {
    page: Rc<dyn Page>,
    goes_on: bool,
}

impl Monitor for Follower {
    fn report(&mut self, done: usize, total: usize) -> ControlFlow<()> {
        self.page.say(Reply::Progress { done, total });
        if self.goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn yield_now(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.goes_on = self.page.pause().await })
    }
}

/// The same of a question.
fn progress(page: &Rc<dyn Page>) -> impl FnMut(usize, usize) -> Pin<Box<dyn Future<Output = bool>>> + use<> {
    let page = Rc::clone(page);
    move |done, total| {
        page.say(Reply::Progress { done, total });
        page.pause()
    }
}

/// Why there is nothing to reply.
enum Trouble {
    Cancelled,
    Told(Failure),
}

impl Trouble {
    fn no_model() -> Self {
        let failure = |cause: &str, remedy: &str| Failure {
            cause: cause.to_owned(),
            remedy: remedy.to_owned(),
            device_failed: false,
        };
        Self::Told(failure("no model is open", "open one first"))
    }

    fn told(error: &impl Advice, device_failed: bool) -> Self {
        Self::Told(Failure { cause: error.to_string(), remedy: error.remedy(), device_failed })
    }
}

/// Whether nothing that the device computes can be trusted any more.
fn is_fault(error: &EngineError) -> bool {
    matches!(error, EngineError::Fault(_) | EngineError::Read(_))
}

impl From<OpenError> for Trouble {
    fn from(error: OpenError) -> Self {
        match &error {
            OpenError::Cancelled => Self::Cancelled,
            OpenError::Engine(engine) => Self::told(&error, is_fault(engine)),
            _ => Self::told(&error, false),
        }
    }
}

impl From<AskError> for Trouble {
    fn from(error: AskError) -> Self {
        match &error {
            AskError::Cancelled => Self::Cancelled,
            AskError::Engine(engine) => Self::told(&error, is_fault(engine)),
            _ => Self::told(&error, false),
        }
    }
}

impl From<EvaluateError> for Trouble {
    fn from(error: EvaluateError) -> Self {
        match &error {
            EvaluateError::Stopped { .. } => Self::Cancelled,
            EvaluateError::Engine(engine) => Self::told(&error, is_fault(engine)),
            _ => Self::told(&error, false),
        }
    }
}

impl From<SquadError> for Trouble {
    fn from(error: SquadError) -> Self {
        Self::told(&error, false)
    }
}

impl From<BreakdownError> for Trouble {
    fn from(error: BreakdownError) -> Self {
        Self::told(&error, false)
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
