//! Runs many store calls concurrently, with a limit. In sequence each would take a round trip.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// The most concurrent calls. With a limit, one list does not use up a pool of connections.
pub(crate) const CONCURRENCY: usize = 16;

/// Calls `call` with each item, [`CONCURRENCY`] at a time, and returns the results in the order of
/// the items. After the first failure no further call begins, and the running calls are dropped.
pub(crate) async fn map_concurrently<T, R, E, F>(items: Vec<T>, call: impl Fn(T) -> F) -> Result<Vec<R>, E>
where
    F: Future<Output = Result<R, E>> + Send,
{
    let mut done: Vec<Option<R>> = Vec::with_capacity(items.len());
    let mut waiting = items.into_iter();
    let mut running: Vec<(usize, Pin<Box<F>>)> = Vec::new();
    // A call that is ready immediately makes room for the next one. So this loops until all running
    // calls are pending.
    poll_fn(|context| {
        loop {
            while running.len() < CONCURRENCY
                && let Some(item) = waiting.next()
            {
                running.push((done.len(), Box::pin(call(item))));
                done.push(None);
            }
            let before = running.len();
            let mut failure = None;
            running.retain_mut(|(at, future)| match future.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(Ok(result)) => {
                    if let Some(place) = done.get_mut(*at) {
                        *place = Some(result);
                    }
                    false
                }
                Poll::Ready(Err(error)) => {
                    failure.get_or_insert(error);
                    false
                }
            });
            if let Some(error) = failure {
                return Poll::Ready(Err(error));
            }
            if running.is_empty() && waiting.len() == 0 {
                return Poll::Ready(Ok(()));
            }
            if running.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await?;
    Ok(done.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{CONCURRENCY, map_concurrently};

    #[tokio::test]
    async fn the_results_are_in_order_and_at_most_16_calls_run_concurrently() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let results = map_concurrently((0..100).collect(), |number: usize| {
            let (now, most) = (&now, &most);
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                // Some are ready immediately, the others later.
                for _ in 0..number % 5 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::Relaxed);
                Ok::<_, ()>(number)
            }
        });
        assert_eq!(results.await, Ok((0..100).collect()));
        let most = most.into_inner();
        assert!((CONCURRENCY / 2..=CONCURRENCY).contains(&most), "{most}");
        assert_eq!(map_concurrently(Vec::new(), |()| async { Ok::<(), ()>(()) }).await, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn after_a_failure_no_further_call_begins() {
        let begun = AtomicUsize::new(0);
        let result = map_concurrently((0..100).collect(), |number: usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::task::yield_now().await;
                if number == 3 { Err(number) } else { Ok(number) }
            }
        });
        assert_eq!(result.await, Err(3));
        assert_eq!(begun.into_inner(), CONCURRENCY);
    }
}
