//! A worker's work: one model at a time, and what is asked of it.

use std::{ops::ControlFlow, path::Path, pin::Pin, rc::Rc, sync::Arc, time::Duration};

use spanbert_backends::{BackendKind, BackendReport, DeviceChoice};
use spanbert_core::{
    ask::{AskOptions, explain_async},
    breakdown::Analysis,
    checkpoint::Files,
    demo,
    evaluate::{BoxFuture, EvaluateError, EvaluateOptions, Monitor, PreparedEvaluation},
    hash::Fingerprint,
    open::{Notice, OpenedModel, Purpose, TestedDevices},
    run::RecordedRun,
    score::AnswerLanguage,
    squad::Dataset,
    train::{Demonstration, Requests},
};

use crate::{
    message::{Evaluated, ModelSource, Opened, Reply, Request, Trained},
    training::{self, Run},
    trouble::Trouble,
};

/// Whoever asked.
pub trait Page {
    /// Hears of what happens before the reply.
    fn say(&self, reply: Reply);
    /// Lets the thread go for a time, and until everything that waits was taken in; whether to go on then.
    fn pause(&self, time: Duration) -> Pin<Box<dyn Future<Output = bool>>>;
    /// Time since some moment; it never goes back.
    fn clock(&self) -> Duration;
    /// The time of day, RFC 3339, UTC, with milliseconds.
    fn now(&self) -> String;
    /// What is asked of the training that goes on.
    fn requests(&self) -> Requests;
}

/// Contents of files.
pub type Contents = Vec<Vec<u8>>;

/// A model and what it does.
#[derive(Default)]
pub struct Session {
    model: Option<OpenedModel>,
    /// What it is called.
    name: String,
    devices: TestedDevices,
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
            Request::Train { training, device } => self.train(*training, &device, page).await,
            Request::OpenRun { name, files } => {
                let run = RecordedRun::read(&attached(&name, files, contents, str::to_owned));
                run.map(|run| (Reply::Run(Box::new(run)), Vec::new())).map_err(Trouble::from)
            }
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
            ModelSource::Files { name, files } => attached(&name, files, contents, last_part),
        };
        self.open_files(files, device, lower_case, page).await.map(|opened| Reply::Opened(Box::new(opened)))
    }

    async fn open_files(
        &mut self,
        files: Files,
        device: &DeviceChoice,
        lower_case: Option<bool>,
        page: &Rc<dyn Page>,
    ) -> Result<Opened, Trouble> {
        let name = files.name().display().to_string();
        let (devices, mut notices) = (&mut self.devices, notices(page));
        let model = OpenedModel::open_files(files, device, lower_case, devices, &mut notices).await?;
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
        Ok(opened)
    }

    /// Trains, and opens what came of it on the same device.
    async fn train(
        &mut self,
        demonstration: Demonstration,
        device: &DeviceChoice,
        page: &Rc<dyn Page>,
    ) -> Result<(Reply, Contents), Trouble> {
        self.model = None;
        let (device, fusion) = self.devices.trusted(device, Purpose::Learning, &mut notices(page)).await?;
        let Run { trained, model, files } = training::run(demonstration, &device, fusion, page).await?;
        let opened = self.open_files(model, &device.choice, None, page).await?;
        let (files, contents) = files.into_iter().map(|(name, content)| (name, content.into_owned())).unzip();
        Ok((Reply::Trained(Box::new(Trained { trained, opened, files })), contents))
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
    let mut reports = spanbert_backends::devices();
    // No browser has it, whatever the module is built with.
    reports.retain(|report| report.kind != BackendKind::Cuda);
    reports
}

/// Files that came with a request, named by `rename`.
fn attached(name: &str, names: Vec<String>, contents: Contents, rename: fn(&str) -> String) -> Files {
    let name = Path::new(name).file_name().map_or_else(|| "files".into(), ToOwned::to_owned);
    let mut files = Files::new(name);
    for (name, content) in names.into_iter().zip(contents) {
        files.insert(rename(&name), content);
    }
    files
}

/// What a file of a model is called. A page's name for it may begin with folders.
fn last_part(name: &str) -> String {
    name.rsplit(['/', '\\']).next().unwrap_or(name).to_owned()
}

/// Hands notices on.
fn notices(page: &Rc<dyn Page>) -> impl FnMut(Notice) -> bool + use<> {
    let page = Rc::clone(page);
    move |notice| {
        page.say(Reply::Notice(notice));
        true
    }
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
        Box::pin(async { self.goes_on = self.page.pause(Duration::ZERO).await })
    }
}

/// The same of a question.
fn progress(page: &Rc<dyn Page>) -> impl FnMut(usize, usize) -> Pin<Box<dyn Future<Output = bool>>> + use<> {
    let page = Rc::clone(page);
    move |done, total| {
        page.say(Reply::Progress { done, total });
        page.pause(Duration::ZERO)
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
