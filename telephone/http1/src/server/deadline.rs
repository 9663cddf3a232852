use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is set anew only when it has run out or a deadline comes before it: nearly every request keeps its
/// deadlines, and setting a timer for each of them would be most of what they cost.
#[derive(Debug, Default)]
pub(super) struct Deadline {
    timer: Option<Pin<Box<Sleep>>>,
    /// Whom it wakes.
    waker: Option<Waker>,
}

impl Deadline {
    /// Whether `deadline` has passed; if not, the task is woken when it has.
    pub(super) fn has_passed(&mut self, deadline: Instant, cx: &mut Context<'_>) -> bool {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        } else if !timer.is_elapsed() && self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            // It is set for this task already.
            return false;
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                self.waker = None;
                return true;
            }
            timer.as_mut().reset(deadline);
        }
        self.waker = Some(cx.waker().clone());
        false
    }
}
