//! What a request has to pass, and what it takes up of a tunnel that is one of a service's backends.

use std::net::IpAddr;
use std::sync::Arc;

use domain::Direction;

use super::admit::{Place, Standings};
use super::{Front, Pace};
use crate::proxy::Problem;

/// A front that a request has to pass.
///
/// That of a tunnel which is one of several backends asks who comes, and how large the body is, of all requests that the
/// tunnel may be given: visitors do not choose, and would be asked now and then. All else of it, maintenance, rates,
/// bandwidth and how many are under way, is for what the tunnel is given: others can take what it does not.
#[derive(Clone, Copy, Debug)]
pub struct Ahead<'a> {
    /// The front.
    pub front: &'a Arc<Front>,
    /// It is that of one of several backends.
    pub is_of_backend: bool,
}

/// What a request takes up at the backend that it is given to.
#[derive(Debug, Default)]
pub struct Taken {
    /// Its place, until it is over.
    pub place: Option<Place>,
    /// How fast what comes from its client passes.
    pub up: Option<Box<Pace>>,
    /// How fast what goes to its client does.
    pub down: Option<Box<Pace>>,
}

impl<'a> Ahead<'a> {
    /// All of it holds for the request.
    pub fn whole(front: &'a Arc<Front>) -> Self {
        Self { front, is_of_backend: false }
    }

    /// It is that of one of several backends.
    pub fn of_backend(front: &'a Arc<Front>) -> Self {
        Self { front, is_of_backend: true }
    }
}

impl Front {
    /// Takes up what a request needs that is given to the tunnel which this is the front of. `standings` is as it was if
    /// there is no room.
    ///
    /// # Errors
    /// What its client is told if no other backend takes it.
    pub fn take(&self, client: IpAddr, standings: &mut Standings) -> Result<Taken, Problem> {
        self.check_maintenance()?;
        let mut counted = standings.clone();
        for rate in self.rates() {
            counted.count(rate, client)?;
        }
        let place = self.place()?;
        *standings = counted;
        let pace = |direction| Pace::of(self.widths().iter(), client, direction);
        Ok(Taken { place, up: pace(Direction::Up), down: pace(Direction::Down) })
    }
}
