use std::{
    cell::{Cell, RefCell},
    pin::pin,
    task::{Context, Poll, Waker},
};

use serde_json::{Value, json};
use spanbert_core::{
    demo::{DEV, generate::GeneratorOptions, squad_json},
    run::{self, Curves, Event, EventRecord, Outcome, RunStatus},
    train::{Ending, Preset},
};

use super::*;
use crate::message::{FromWorker, ToWorker};

/// Keeps what is said, and gives up after so many pauses.
#[derive(Default)]
struct Listener {
    said: RefCell<Vec<Reply>>,
    pauses: Cell<usize>,
    patience: Option<usize>,
    requests: Requests,
    /// Times that it was waited for a request.
    waited: Cell<usize>,
    /// What is asked of a training when an update was made.
    asks: RefCell<Vec<(usize, run::Request)>>,
}

impl Page for Listener {
    fn say(&self, reply: Reply) {
        if let Reply::Happened(record) = &reply
            && let Event::Step(step) = &record.event
        {
            let asks = self.asks.borrow();
            asks.iter()
                .filter(|(at, _)| *at == step.step)
                .for_each(|(_, request)| self.requests.push(*request));
        }
        self.said.borrow_mut().push(reply);
    }

    fn clock(&self) -> Duration {
        Duration::from_millis(500 * self.pauses.get() as u64)
    }

    fn now(&self) -> String {
        "2026-03-01T12:00:00.000Z".into()
    }

    fn requests(&self) -> Requests {
        self.requests.clone()
    }

    fn pause(&self, time: Duration) -> Pin<Box<dyn Future<Output = bool>>> {
        self.pauses.set(self.pauses.get() + 1);
        if !time.is_zero() {
            self.waited.set(self.waited.get() + 1);
            // Whoever paused a training goes on with it once it has waited.
            self.requests.push(run::Request::Resume);
        }
        let goes_on = self.patience.is_none_or(|patience| self.pauses.get() <= patience);
        Box::pin(std::future::ready(goes_on))
    }
}

/// What a future gives that has nothing to wait for, as on a processor.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

/// A request as a page sends it, and the reply as a page gets it.
fn handle(
    session: &mut Session,
    request: Value,
    contents: Contents,
    page: &Rc<dyn Page>,
) -> (Reply, Contents) {
    let sent: ToWorker = serde_json::from_value(json!({"do": {"id": 7, "request": request}})).unwrap();
    let ToWorker::Do { request, .. } = sent else { panic!("{sent:?}") };
    let (reply, contents) = now(session.handle(request, contents, page));
    let sent = FromWorker { id: Some(7), reply };
    let text = serde_json::to_string(&sent).unwrap();
    let received: FromWorker = serde_json::from_str(&text).unwrap();
    assert_eq!(received, sent, "{text}");
    (sent.reply, contents)
}

fn ask(session: &mut Session, request: Value) -> Reply {
    let page: Rc<dyn Page> = Rc::new(Listener::default());
    handle(session, request, Vec::new(), &page).0
}

fn opened() -> Session {
    let mut session = Session::default();
    let reply = ask(&mut session, json!({"kind": "open", "model": "built_in", "device": "cpu"}));
    assert!(matches!(&reply, Reply::Opened(model) if model.name == "demo"), "{reply:?}");
    session
}

fn failure(reply: Reply) -> String {
    match reply {
        Reply::Failed(failure) => {
            assert!(
                !failure.device_failed && spanbert_core::advice::is_remedy(&failure.remedy),
                "{failure:?}"
            );
            failure.cause
        }
        other => panic!("{other:?}"),
    }
}

/// The first questions of the demonstration's development set.
fn questions(passages: usize) -> String {
    squad_json("dev", &GeneratorOptions { passages, ..DEV }).unwrap()
}

#[test]
fn a_question_is_answered_as_by_the_library() {
    let mut session = opened();
    let dataset = Dataset::from_json(&questions(1), "dev.json").unwrap();
    let paragraph = &dataset.articles[0].paragraphs[0];
    let question = paragraph.questions.iter().find(|question| !question.answers.is_empty()).unwrap();
    let request = json!({"kind": "ask", "passage": paragraph.context, "question": question.question});
    let Reply::Answered(explained) = ask(&mut session, request) else { panic!() };
    let model = session.model.as_mut().unwrap();
    let options = model.ask_options();
    let tokenizer = Arc::clone(&model.tokenizer);
    let engine = model.engine.as_mut();
    let expected = spanbert_core::ask::explain(
        engine,
        &tokenizer,
        &paragraph.context,
        &question.question,
        &options,
        &mut |_, _| true,
    );
    assert_eq!(*explained, expected.unwrap());
    assert!(explained.answer.answered && explained.answer.windows == 1, "{explained:?}");
    // A threshold of one's own decides.
    let request = json!({"kind": "ask", "passage": paragraph.context, "question": question.question, "threshold": -1e3});
    assert!(matches!(ask(&mut session, request), Reply::Answered(explained) if !explained.answer.answered));
}

#[test]
fn an_evaluation_is_the_library_s() {
    let mut session = opened();
    let listener = Rc::new(Listener::default());
    let page: Rc<dyn Page> = Rc::<Listener>::clone(&listener);
    let text = questions(12);
    let request = json!({"kind": "evaluate", "file": "dev.json"});
    let (reply, contents) = handle(&mut session, request, vec![text.clone().into_bytes()], &page);
    let Reply::Evaluated(evaluated) = reply else { panic!("{reply:?}") };
    let model = session.model.as_mut().unwrap();
    let dataset = Arc::new(Dataset::from_json(&text, "dev.json").unwrap());
    let (options, tokenizer) = (model.evaluate_options(), Arc::clone(&model.tokenizer));
    let mut expected = spanbert_core::evaluate::evaluate(
        model.engine.as_mut(),
        Arc::clone(&dataset),
        tokenizer,
        &options,
        &mut |_, _| std::ops::ControlFlow::Continue(()),
    )
    .unwrap();
    expected.results.data = Some(Fingerprint::of_bytes("dev.json", text.as_bytes()));
    expected.results.model = Some("demo".into());
    assert_eq!(evaluated.results, expected.results);
    assert_eq!((evaluated.results.official.total, evaluated.files.len()), (72, 5));
    let files = expected.files().unwrap();
    assert_eq!(files.iter().map(|(name, _)| *name).collect::<Vec<_>>(), evaluated.files);
    assert_eq!(files.into_iter().map(|(_, content)| content).collect::<Vec<_>>(), contents);
    let analysis = Analysis::new(&dataset, expected.answers("dev.json".into()).unwrap()).unwrap();
    let report = analysis.report(analysis.default_threshold(), &[]).unwrap();
    assert_eq!(evaluated.report, serde_json::to_value(report).unwrap());
    let said = listener.said.borrow();
    let last = said.last().unwrap();
    assert!(matches!(last, Reply::Progress { done, total } if done == total && *total >= 72), "{last:?}");
}

#[test]
fn what_is_given_up_is_cancelled_and_the_model_stays() {
    let mut session = opened();
    let text = questions(12).into_bytes();
    let page: Rc<dyn Page> = Rc::new(Listener { patience: Some(2), ..Listener::default() });
    let request = json!({"kind": "evaluate", "file": "dev.json"});
    assert_eq!(handle(&mut session, request.clone(), vec![text.clone()], &page).0, Reply::Cancelled);
    let (reply, _) =
        handle(&mut session, request, vec![text], &(Rc::new(Listener::default()) as Rc<dyn Page>));
    assert!(matches!(reply, Reply::Evaluated(_)));
}

#[test]
fn what_cannot_be_done_is_told_and_the_session_lives() {
    let mut session = Session::default();
    let page: Rc<dyn Page> = Rc::new(Listener::default());
    let told = |session: &mut Session, request: Value, contents: &[&[u8]]| {
        let contents = contents.iter().map(|content| content.to_vec()).collect();
        failure(handle(session, request, contents, &page).0)
    };
    let question = json!({"kind": "ask", "passage": "a", "question": "b"});
    assert_eq!(told(&mut session, question, &[]), "no model is open");
    let model = |files: &[&str]| json!({"kind": "open", "device": "cpu", "model": {"files": {"name": "mine", "files": files}}});
    for (files, contents, expected) in [
        (&[][..], &[][..], "config.json"),
        (&["config.json"], &[&b"PK\x03\x04"[..]], "mine/config.json"),
        (
            &["x/mine/config.json", "vocab.txt"],
            &[&b"{\"model_type\": \"gpt2\"}"[..], b"a"],
            "mine/config.json",
        ),
        (&["../config.json"], &[&b"{}"[..]], "mine"),
    ] {
        let cause = told(&mut session, model(files), contents);
        assert!(cause.contains(expected), "{files:?}: {cause}");
    }
    assert!(session.model.is_none());
}

#[test]
fn files_that_are_no_questions_are_told() {
    let mut session = opened();
    let page: Rc<dyn Page> = Rc::new(Listener::default());
    for (content, expected) in [
        (&b""[..], "a.json"),
        (b"\x89PNG\r\n\x1a\n", "a.json"),
        (b"{\"data\": 3}", "a.json"),
        (b"{\"data\": [", "a.json"),
    ] {
        let request = json!({"kind": "evaluate", "file": "a.json"});
        let (reply, _) = handle(&mut session, request, vec![content.to_vec()], &page);
        let cause = failure(reply);
        assert!(cause.contains(expected), "{cause}");
    }
    assert!(matches!(ask(&mut session, json!({"kind": "close"})), Reply::Closed));
    assert!(session.model.is_none());
}

#[test]
fn own_files_are_opened_by_their_names() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/demo/model/");
    let names = ["config.json", "vocab.txt", "tokenizer_config.json", "spanbert.json", "model.safetensors"];
    let contents = names.iter().map(|name| std::fs::read(format!("{folder}{name}")).unwrap()).collect();
    let listed: Vec<String> = names.iter().map(|name| format!("chosen/model/{name}")).collect();
    let request = json!({"kind": "open", "model": {"files": {"name": "chosen/model", "files": listed}}, "device": "cpu"});
    let mut session = Session::default();
    let page: Rc<dyn Page> = Rc::new(Listener::default());
    let (reply, _) = handle(&mut session, request, contents, &page);
    let Reply::Opened(model) = reply else { panic!("{reply:?}") };
    assert!(model.name == "model" && model.threshold.is_some() && !model.do_lower_case, "{model:?}");
}

/// A training on the questions of so many passages, six each, in updates of 8; evaluated in the end.
fn train(passages: usize) -> Value {
    let recipe = Preset::Demo.recipe();
    json!({"kind": "train", "device": "cpu",
           "training": {"recipe": recipe, "train_passages": passages, "dev_passages": 2}})
}

/// Trains, and gives what was said in the form that charts want.
fn trained(listener: &Rc<Listener>, request: Value) -> (Session, Reply, Contents, Curves) {
    let page: Rc<dyn Page> = Rc::<Listener>::clone(listener);
    let mut session = Session::default();
    let (reply, contents) = handle(&mut session, request, Vec::new(), &page);
    let mut curves = Curves::default();
    for said in listener.said.borrow().iter() {
        if let Reply::Happened(record) = said {
            curves.add(EventRecord::clone(record));
        }
    }
    (session, reply, contents, curves)
}

#[test]
fn a_training_is_told_and_its_model_answers() {
    let listener = Rc::new(Listener::default());
    let (mut session, reply, contents, curves) = trained(&listener, train(8));
    let Reply::Trained(trained) = reply else { panic!("{reply:?}") };
    assert_eq!((trained.trained.ending, trained.trained.steps), (Ending::Completed, 6));
    assert_eq!(curves.steps.iter().map(|step| step.step).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!((curves.evaluations.len(), curves.outcome), (1, Some(Outcome::Completed)));
    assert_eq!(trained.trained.best.as_ref().map(|best| best.step), Some(6));
    let evaluating = |said: &Reply| matches!(said, Reply::Working { phase: run::Phase::Evaluating, .. });
    assert!(listener.said.borrow().iter().any(evaluating));
    let parameters = spanbert_core::demo::random_model().config.parameter_count();
    assert_eq!((trained.opened.name.as_str(), trained.opened.parameters), ("trained here", parameters));
    let question =
        json!({"kind": "ask", "passage": "Mara built the mill.", "question": "Who built the mill?"});
    assert!(matches!(ask(&mut session, question.clone()), Reply::Answered(_)));
    // Its files are a run folder, and those of its best model a checkpoint that answers alike.
    let listed = json!({"kind": "open_run", "name": "chosen", "files": trained.files});
    let page: Rc<dyn Page> = Rc::new(Listener::default());
    let (reply, _) = handle(&mut session, listed, contents.clone(), &page);
    let Reply::Run(run) = reply else { panic!("{reply:?}") };
    assert_eq!((&run.curves, run.summary.status), (&curves, RunStatus::Completed));
    assert_eq!((run.evaluations.as_slice(), run.damaged.len()), (&[6][..], 0));
    let answer = ask(&mut session, question.clone());
    let (names, contents): (Vec<String>, Contents) =
        trained.files.into_iter().zip(contents).filter(|(name, _)| name.starts_with("best/")).unzip();
    let model =
        json!({"kind": "open", "device": "cpu", "model": {"files": {"name": "best", "files": names}}});
    assert!(matches!(handle(&mut session, model, contents, &page).0, Reply::Opened(_)));
    assert_eq!(ask(&mut session, question), answer);
}

#[test]
fn a_training_is_paused_and_stopped_on_request() {
    let asks = vec![(2, run::Request::Pause), (4, run::Request::Stop)];
    let listener = Rc::new(Listener { asks: RefCell::new(asks), ..Listener::default() });
    let (session, reply, _, curves) = trained(&listener, train(80));
    let Reply::Trained(trained) = reply else { panic!("{reply:?}") };
    assert_eq!(trained.trained.ending, Ending::Stopped);
    assert!(trained.trained.steps < 60 && trained.trained.best.is_none(), "{trained:?}");
    assert!(listener.waited.get() > 0 && session.model.is_some());
    assert_eq!(curves.outcome, Some(Outcome::Stopped));
}

#[test]
fn a_training_that_is_given_up_leaves_no_model() {
    let listener = Rc::new(Listener { patience: Some(2), ..Listener::default() });
    let (session, reply, contents, curves) = trained(&listener, train(9));
    assert_eq!((reply, contents.len()), (Reply::Cancelled, 0));
    assert!(session.model.is_none() && curves.steps.len() < 6);
}

#[test]
fn trainings_that_cannot_be_are_told() {
    let mut session = Session::default();
    for (training, expected) in [
        (json!({"dev_passages": 0}), "dev_passages is 0"),
        (json!({"train_passages": 1, "recipe": {"learning_rate": -1.0}}), "learning_rate"),
        (json!({"train_passages": 1, "recipe": {"max_seq_length": 4096}}), "max_seq_length"),
    ] {
        let cause =
            failure(ask(&mut session, json!({"kind": "train", "device": "cpu", "training": training})));
        assert!(cause.contains(expected), "{cause}");
    }
    let cause = failure(ask(&mut session, json!({"kind": "open_run", "name": "pictures", "files": []})));
    assert!(cause.starts_with("pictures holds no run"), "{cause}");
}
