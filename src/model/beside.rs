//! Two sequences in ascending order, walked side by side.

use std::cmp::Ordering;
use std::iter;

/// Every key of either, in order, with what each has of it: one comparison a key, where looking up takes
/// ten. Both have to ascend, as maps and sets do.
pub fn side_by_side<K: Ord + Copy, A, B>(
    ones: impl IntoIterator<Item = (K, A)>,
    others: impl IntoIterator<Item = (K, B)>,
) -> impl Iterator<Item = (K, Option<A>, Option<B>)> {
    let mut ones = ones.into_iter().peekable();
    let mut others = others.into_iter().peekable();
    iter::from_fn(move || {
        let order = match (ones.peek(), others.peek()) {
            (Some((one, _)), Some((other, _))) => one.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let one = if order.is_le() { ones.next() } else { None };
        let other = if order.is_ge() { others.next() } else { None };
        let key = one.as_ref().map(|(key, _)| *key).or(other.as_ref().map(|(key, _)| *key))?;
        Some((key, one.map(|(_, value)| value), other.map(|(_, value)| value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    proptest::proptest! {
        #[test]
        fn it_is_what_looking_up_each_gives(
            one in proptest::collection::btree_map(0_u8..12, 0_u8.., 0..8),
            other in proptest::collection::btree_map(0_u8..12, 0_u8.., 0..8),
        ) {
            let all: BTreeSet<&u8> = one.keys().chain(other.keys()).collect();
            let expected: Vec<_> =
                all.into_iter().map(|key| (key, one.get(key), other.get(key))).collect();
            let found: Vec<_> = side_by_side(&one, &other).collect();
            proptest::prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn nothing_beside_something_is_what_there_is() {
        let (nothing, one) = (BTreeMap::<u8, u8>::new(), BTreeMap::from([(1, 2)]));
        assert_eq!(side_by_side(&nothing, &nothing).count(), 0);
        let found: Vec<_> = side_by_side(&nothing, &one).collect();
        assert_eq!(found, [(&1, None, Some(&2))]);
    }
}
