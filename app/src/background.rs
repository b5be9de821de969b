//! Work beside the frames: on threads of the system or, in a browser, which gives a page one thread, between two frames.
//!
//! What must not hold up a frame goes through here. What takes seconds in a browser belongs into a Web Worker ([`worker`](crate::worker)),
//! or lets the page draw in between ([`pause`]).

use std::{
    io,
    sync::mpsc::{Receiver, channel},
};

use egui::Context;

/// What may go to another thread, where there are threads.
#[cfg(not(target_family = "wasm"))]
pub trait Movable: Send {}
#[cfg(not(target_family = "wasm"))]
impl<T: Send> Movable for T {}

/// What may go to another thread: anything, as there is none.
#[cfg(target_family = "wasm")]
pub trait Movable {}
#[cfg(target_family = "wasm")]
impl<T> Movable for T {}

/// Starts work that nothing is heard of.
///
/// # Errors
/// If the system has no more threads.
#[cfg(not(target_family = "wasm"))]
pub fn start(name: &str, work: impl Future<Output = ()> + Movable + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(move || pollster::block_on(work)).map(|_| ())
}

/// Starts work that nothing is heard of, after this frame.
///
/// # Errors
/// Never.
#[cfg(target_family = "wasm")]
pub fn start(_name: &str, work: impl Future<Output = ()> + Movable + 'static) -> io::Result<()> {
    wasm_bindgen_futures::spawn_local(async {
        pause().await;
        work.await;
    });
    Ok(())
}

/// Starts work; its outcome arrives in the channel, and the window is woken. The channel is closed without one if the work
/// panics.
///
/// # Errors
/// If the system has no more threads.
pub fn find<T: Movable + 'static>(
    context: &Context,
    name: &str,
    work: impl FnOnce() -> T + Movable + 'static,
) -> io::Result<Receiver<T>> {
    find_async(context, name, async { work() })
}

/// [`find`] for work that waits for something, or [`pause`]s.
///
/// # Errors
/// As [`find`].
pub fn find_async<T: Movable + 'static>(
    context: &Context,
    name: &str,
    work: impl Future<Output = T> + Movable + 'static,
) -> io::Result<Receiver<T>> {
    let (sender, receiver) = channel();
    let context = context.clone();
    start(name, async move {
        // Whoever asked may be gone by now.
        let _ = sender.send(work.await);
        context.request_repaint();
    })?;
    Ok(receiver)
}

/// Lets frames be drawn where work has no thread of its own.
#[cfg(not(target_family = "wasm"))]
pub async fn pause() {}

/// Lets frames be drawn.
#[cfg(target_family = "wasm")]
pub async fn pause() {
    use js_sys::Promise;
    use wasm_bindgen_futures::JsFuture;

    // A promise that a timer keeps is not broken.
    let _ = JsFuture::from(Promise::new(&mut |resolve, _| set_timeout(&resolve, 0))).await;
}

#[cfg(target_family = "wasm")]
#[wasm_bindgen::prelude::wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(then: &js_sys::Function, millis: i32);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_outcome_arrives_and_wakes_the_window() {
        let context = Context::default();
        context.begin_pass(egui::RawInput::default());
        let _ = context.end_pass();
        let receiver = find_async(&context, "test", async {
            pause().await;
            7
        })
        .unwrap();
        assert_eq!(receiver.recv_timeout(Duration::from_secs(60)), Ok(7));
    }

    #[test]
    fn a_panic_closes_the_channel() {
        let receiver = find(&Context::default(), "test", || -> u8 { panic!("as it should") }).unwrap();
        assert!(receiver.recv_timeout(Duration::from_secs(60)).is_err());
    }
}
