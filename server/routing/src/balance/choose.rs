//! The strategies.

use domain::Balance;
use rand::Rng;

use super::{Candidate, Cursor, Tried, WARM};

/// What there is to choose from.
pub(super) struct Pool<'p, C> {
    pub(super) balance: Balance,
    pub(super) candidates: &'p [C],
    pub(super) tried: &'p Tried,
}

/// One that may be chosen.
#[derive(Clone, Copy)]
pub(super) struct Eligible<'p, C> {
    pub(super) index: usize,
    pub(super) candidate: &'p C,
    /// Weight and warmth together, never 0.
    pub(super) share: u64,
}

impl<'p, C: Candidate> Pool<'p, C> {
    /// All that may be chosen now.
    pub(super) fn eligible(&self) -> impl Iterator<Item = Eligible<'p, C>> {
        let (balance, tried) = (self.balance, self.tried);
        self.candidates.iter().enumerate().filter_map(move |(index, candidate)| {
            let weight = if balance == Balance::RoundRobin { 1 } else { candidate.weight() };
            let share = u64::from(weight) * u64::from(candidate.warmth().clamp(1, WARM));
            (share > 0 && !tried.contains(index) && candidate.usable()).then_some(Eligible { index, candidate, share })
        })
    }

    /// The one in whose share `point` lies when all shares are laid end to end, `without` one of them. When shares
    /// shrink meanwhile and the point lies behind them all, the last.
    fn at(&self, mut point: u64, without: Option<usize>) -> Option<Eligible<'p, C>> {
        let mut last = None;
        for one in self.eligible().filter(|one| Some(one.index) != without) {
            if point < one.share {
                return Some(one);
            }
            point -= one.share;
            last = Some(one);
        }
        last
    }
}

/// Whether the first has less to do for its share.
fn is_freer<C: Candidate>(one: &Eligible<'_, C>, other: &Eligible<'_, C>) -> bool {
    load(one, other) < load(other, one)
}

/// What one has in flight, in a measure in which the two can be compared without dividing by their shares.
fn load<C: Candidate>(one: &Eligible<'_, C>, other: &Eligible<'_, C>) -> u128 {
    u128::from(one.candidate.in_flight()) * u128::from(other.share)
}

/// [`Balance::TwoChoices`].
pub(super) fn of_two<C: Candidate>(pool: &Pool<'_, C>, rng: &mut impl Rng) -> Option<usize> {
    let total: u64 = pool.eligible().map(|one| one.share).sum();
    let first = pool.at(rng.random_range(0..total.max(1)), None)?;
    let rest = total.saturating_sub(first.share);
    if rest == 0 {
        return Some(first.index);
    }
    let second = pool.at(rng.random_range(0..rest), Some(first.index));
    Some(second.filter(|second| is_freer(second, &first)).unwrap_or(first).index)
}

/// [`Balance::LeastConnections`].
pub(super) fn least<C: Candidate>(pool: &Pool<'_, C>, rng: &mut impl Rng) -> Option<usize> {
    let mut best: Option<Eligible<'_, C>> = None;
    let mut shares_of_best = 0;
    for one in pool.eligible() {
        let better = match &best {
            None => true,
            Some(best) if is_freer(&one, best) => true,
            Some(best) if is_freer(best, &one) => continue,
            Some(_) => false,
        };
        shares_of_best = if better { one.share } else { shares_of_best + one.share };
        if better || rng.random_range(0..shares_of_best) < one.share {
            best = Some(one);
        }
    }
    best.map(|best| best.index)
}

/// [`Balance::RoundRobin`] and [`Balance::Weighted`]: who is next is told from the turn alone, so that nothing has to
/// be kept per candidate.
pub(super) fn in_turn<C: Candidate>(pool: &Pool<'_, C>, cursor: &Cursor) -> Option<usize> {
    let (mut total, mut count, mut first, mut even) = (0_u64, 0_u64, None, true);
    for one in pool.eligible() {
        total += one.share;
        count += 1;
        even &= *first.get_or_insert(one.share) == one.share;
    }
    let share = first?;
    let turn = cursor.next();
    let point = if even { turn % count * share } else { spread(turn, total) };
    pool.at(point, None).map(|one| one.index)
}

/// A point in `0..total` for each turn. The multiples of the golden ratio fill an interval evenly, however far one has
/// come (Knuth, TAOCP 6.4): each candidate gets its share, and its turns lie as far apart as they can.
fn spread(turn: u64, total: u64) -> u64 {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let fraction = u128::from(turn.wrapping_mul(GOLDEN));
    u64::try_from((fraction * u128::from(total)) >> 64).unwrap_or(u64::MAX)
}
