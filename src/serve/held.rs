//! How much of answers is held at a time: a peer that takes its time makes nobody else run out of memory.

use super::answer::refuse;
use super::guests::Busy;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt as _;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of large answers that are held at a time.
pub(super) const HELD_MAX: usize = 64 * 1024 * 1024;
/// Smaller answers are not counted, so that probes and refusals always get theirs: the number of
/// connections bounds them.
const SMALL: usize = 64 * 1024;
/// What a permit stands for, in bytes.
const UNIT: usize = 1024;

/// The room for answers. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    most: usize,
}

impl Room {
    /// For so many bytes.
    pub fn new(bytes: usize) -> Self {
        let most = bytes / UNIT;
        Self { places: Arc::new(Semaphore::new(most)), most }
    }

    /// Room for an answer of this size; one that is larger than all of it gets it alone.
    fn take(&self, size: usize) -> Option<OwnedSemaphorePermit> {
        let count = u32::try_from(size.div_ceil(UNIT).min(self.most)).ok()?;
        Arc::clone(&self.places).try_acquire_many_owned(count).ok()
    }
}

/// The bytes of an answer, and what they take until the last of them is sent or given up.
struct Kept {
    bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
    _busy: Option<Arc<Busy>>,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Lets an answer go if there is room for it. Its room, and the request, last until it is sent: that
/// hangs on the bytes, because the server takes them out of the body long before.
pub(super) async fn hold(State(room): State<Room>, request: Request, next: Next) -> Response {
    let busy = request.extensions().get::<Arc<Busy>>().map(Arc::clone);
    let (parts, body) = next.run(request).await.into_parts();
    let Some(size) = body.size_hint().exact() else {
        // A stream, which has no end to be in time for.
        let stream = body.into_data_stream().map(move |part| {
            let _under_way = &busy;
            part
        });
        return Response::from_parts(parts, Body::from_stream(stream));
    };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let taken = if size <= SMALL { Some(None) } else { room.take(size).map(Some) };
    let Some(room) = taken else { return full() };
    let Ok(bytes) = axum::body::to_bytes(body, size).await else {
        return refuse(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be built");
    };
    if let Some(busy) = &busy {
        busy.answered();
    }
    let kept = Bytes::from_owner(Kept { bytes, _room: room, _busy: busy });
    Response::from_parts(parts, Body::from(kept))
}

fn full() -> Response {
    let why = "too much is being sent to others who take it slowly; ask again in a while";
    let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, why);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_by_size_and_what_is_larger_than_all_of_it_gets_it_alone() {
        let room = Room::new(100 * UNIT);
        let first = room.take(60 * UNIT).unwrap();
        assert!(room.take(41 * UNIT).is_none());
        assert!(room.take(40 * UNIT).is_some());
        assert!(room.take(usize::MAX).is_none());
        drop(first);
        let all = room.take(usize::MAX).unwrap();
        assert!(room.take(1).is_none());
        drop(all);
    }
}
