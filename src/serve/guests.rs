//! Who is connected, and how each of them stands: with a request under way, or without.
//!
//! Where there is no place left, the one goes that has asked for nothing for the longest time: whoever
//! only sits there keeps no probe out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The clock of the timers that connections are held to.
#[expect(
    clippy::disallowed_methods,
    reason = "a deadline of a socket, by which nothing is decided"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Everybody who is connected. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub(super) struct Guests {
    most: usize,
    /// Of one peer, loopback excepted: behind it stand a proxy and this machine's own probes.
    most_of_one: usize,
    here: Arc<Mutex<Here>>,
}

#[derive(Debug, Default)]
struct Here {
    next: u64,
    guests: BTreeMap<u64, Guest>,
}

#[derive(Debug)]
struct Guest {
    peer: IpAddr,
    visit: Visit,
    leave: CancellationToken,
}

/// A place. Dropped, it is free.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    guests: Guests,
    /// How the connection stands.
    pub visit: Visit,
    /// Cancelled when somebody else is to have the place.
    pub leave: CancellationToken,
}

impl Guests {
    pub fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, here: Arc::default() }
    }

    /// A place, if need be that of whoever has been idle for longest; `None`: all of them are busy.
    pub fn seat(&self, peer: IpAddr, answer: Duration) -> Option<Place> {
        let peer = peer.to_canonical();
        let mut here = lock(&self.here);
        let of_peer = here.guests.values().filter(|guest| guest.peer == peer).count();
        if !peer.is_loopback() && of_peer >= self.most_of_one {
            here.dismiss(|guest| guest.peer == peer)?;
        } else if here.guests.len() >= self.most {
            here.dismiss(|_| true)?;
        }
        let number = here.next;
        here.next += 1;
        let (visit, leave) = (Visit::new(answer), CancellationToken::new());
        here.guests.insert(number, Guest { peer, visit: visit.clone(), leave: leave.clone() });
        Some(Place { number, guests: self.clone(), visit, leave })
    }
}

impl Here {
    /// Sends away whoever has been idle for longest, of those.
    fn dismiss(&mut self, of: impl Fn(&Guest) -> bool) -> Option<()> {
        let guests = self.guests.iter().filter(|(_, guest)| of(guest));
        let idle = guests.filter_map(|(number, guest)| Some((guest.visit.idle_since()?, *number)));
        let (_, number) = idle.min()?;
        self.guests.remove(&number)?.leave.cancel();
        Some(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.guests.here).guests.remove(&self.number);
    }
}

/// How one connection stands. Cheap to clone; clones share.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    /// How long an answer may take to be sent.
    answer: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// Requests that are not answered to their last byte.
    under_way: usize,
    idle_since: Instant,
    /// When the answers under way have to be sent.
    due: Option<Instant>,
}

/// A request that is under way until this is dropped.
#[derive(Debug)]
pub(super) struct Busy(Visit);

impl Visit {
    pub fn new(answer: Duration) -> Self {
        let state = State { under_way: 0, idle_since: now(), due: None };
        Self { answer, state: Arc::new(Mutex::new(state)) }
    }

    /// A request came.
    pub fn begin(&self) -> Busy {
        lock(&self.state).under_way += 1;
        Busy(self.clone())
    }

    /// When what is being sent has to be sent.
    pub fn due(&self) -> Option<Instant> {
        lock(&self.state).due
    }

    fn idle_since(&self) -> Option<Instant> {
        let state = lock(&self.state);
        (state.under_way == 0).then_some(state.idle_since)
    }
}

impl Busy {
    /// The answer is there and has to be sent in time. Requests that follow before it is sent do not
    /// give it more.
    pub fn answered(&self) {
        lock(&self.0.state).due.get_or_insert_with(|| now() + self.0.answer);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.under_way = state.under_way.saturating_sub(1);
        if state.under_way == 0 {
            (state.idle_since, state.due) = (now(), None);
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn peer(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_gives_its_place_up_and_nobody_who_is_busy() {
        let guests = Guests::new(3, 3);
        let mut places = Vec::new();
        for number in 1..=3 {
            places.push(guests.seat(peer(number), LONG).unwrap());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let first = places[0].visit.begin();
        let left = |places: &[Place]| -> Vec<bool> {
            places.iter().map(|place| place.leave.is_cancelled()).collect()
        };
        places.push(guests.seat(peer(4), LONG).unwrap());
        assert_eq!(left(&places), [false, true, false, false]);
        let _busy = (places[2].visit.begin(), places[3].visit.begin());
        assert!(guests.seat(peer(5), LONG).is_none(), "all are busy");
        drop(first);
        places.push(guests.seat(peer(5), LONG).unwrap());
        assert_eq!(left(&places), [true, true, false, false, false]);
        places.clear();
        assert!(lock(&guests.here).guests.is_empty());
    }

    #[tokio::test]
    async fn one_peer_takes_no_more_than_its_share_unless_it_is_this_machine() {
        let guests = Guests::new(10, 2);
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        let open = [guests.seat(peer(1), LONG).unwrap(), guests.seat(mapped, LONG).unwrap()];
        let busy = open.each_ref().map(|place| place.visit.begin());
        assert!(guests.seat(peer(1), LONG).is_none());
        let _other = guests.seat(peer(2), LONG).unwrap();
        drop(busy);
        let _again = guests.seat(peer(1), LONG).unwrap();
        assert!(open[0].leave.is_cancelled() && !open[1].leave.is_cancelled());
        let local = || guests.seat(IpAddr::from([127, 0, 0, 1]), LONG).unwrap();
        let many: Vec<Place> = (0..5).map(|_| local()).collect();
        assert!(many.iter().all(|place| !place.leave.is_cancelled()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_follows_gives_an_answer_no_more_time() {
        let visit = Visit::new(LONG);
        let first = visit.begin();
        assert_eq!(visit.due(), None, "what is not answered is not late");
        first.answered();
        let due = visit.due().unwrap();
        tokio::time::advance(Duration::from_secs(30)).await;
        let second = visit.begin();
        second.answered();
        drop(first);
        assert_eq!(visit.due(), Some(due));
        drop(second);
        assert_eq!(visit.due(), None);
    }
}
