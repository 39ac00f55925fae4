//! The scenarios as tests. A store needs three lines.

/// Tests of the face on a store, in a module of this name. `$backend` makes a backend for one test.
macro_rules! on_store {
    ($name:ident, $backend:expr) => {
        mod $name {
            use std::sync::Arc;

            #[allow(unused_imports, reason = "not every backend uses it")]
            use super::*;
            use crate::{backend::Site, everywhere, semantics};

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn n2_n5_s18_parallel_requests_lose_nothing_and_one_rotation_wins() {
                let site = Site::new($backend.await).await;
                semantics::hundred_updates_make_a_hundred(&site).await;
                semantics::hundred_distinct_names_survive(&site).await;
                semantics::of_a_hundred_rotations_one_wins(&site).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn n1_s19_a_thousand_logouts_during_slow_requests_revive_nothing() {
                let site = Arc::new(Site::new($backend.await).await);
                semantics::a_logout_during_a_slow_request_is_final(&site).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn n25_s20_users_end_their_own_sessions_everywhere_and_see_no_others() {
                let site = Arc::new(Site::new($backend.await).await);
                everywhere::sessions_are_listed_and_ended(&site).await;
                everywhere::one_call_ends_them_all(&site).await;
                semantics::nothing_crosses_between_two_users(&site).await;
            }
        }
    };
}
