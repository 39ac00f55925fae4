//! Many calls of the store, some at a time: as one after the other they would take a round trip each.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// How many calls are under way at most. A pool of connections should not be drained by one list.
pub(crate) const AT_ONCE: usize = 16;

/// Makes a call with each of these, [`AT_ONCE`] at a time, and keeps their order. After the first failure no further call
/// is begun, and those under way are dropped.
pub(crate) async fn each<T, R, E, F>(items: Vec<T>, call: impl Fn(T) -> F) -> Result<Vec<R>, E>
where
    F: Future<Output = Result<R, E>> + Send,
{
    let mut done: Vec<Option<R>> = Vec::with_capacity(items.len());
    let mut waiting = items.into_iter();
    let mut under_way: Vec<(usize, Pin<Box<F>>)> = Vec::new();
    // A call that is ready at once makes room for the next one, so this goes on until all that is left has to wait.
    poll_fn(|context| {
        loop {
            while under_way.len() < AT_ONCE
                && let Some(item) = waiting.next()
            {
                under_way.push((done.len(), Box::pin(call(item))));
                done.push(None);
            }
            let before = under_way.len();
            let mut failure = None;
            under_way.retain_mut(|(at, future)| match future.as_mut().poll(context) {
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
            if under_way.is_empty() && waiting.len() == 0 {
                return Poll::Ready(Ok(()));
            }
            if under_way.len() == before {
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

    use super::{AT_ONCE, each};

    #[tokio::test]
    async fn all_are_called_in_order_and_never_more_than_some_at_once() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let results = each((0..100).collect(), |number: usize| {
            let (now, most) = (&now, &most);
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                // Some are ready at once, the others one after the other.
                for _ in 0..number % 5 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::Relaxed);
                Ok::<_, ()>(number)
            }
        });
        assert_eq!(results.await, Ok((0..100).collect()));
        let most = most.into_inner();
        assert!((AT_ONCE / 2..=AT_ONCE).contains(&most), "{most}");
        assert_eq!(each(Vec::new(), |()| async { Ok::<(), ()>(()) }).await, Ok(Vec::new()));
    }

    #[tokio::test]
    async fn after_a_failure_no_further_call_is_begun() {
        let begun = AtomicUsize::new(0);
        let result = each((0..100).collect(), |number: usize| {
            begun.fetch_add(1, Ordering::Relaxed);
            async move {
                tokio::task::yield_now().await;
                if number == 3 { Err(number) } else { Ok(number) }
            }
        });
        assert_eq!(result.await, Err(3));
        assert_eq!(begun.into_inner(), AT_ONCE);
    }
}
