//! A value that accounts may have their own of.

use super::AccountName;
use std::collections::BTreeMap;

/// What holds for every account, and what holds instead for some.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PerAccount<T> {
    /// For every account that has none of its own.
    pub common: T,
    own: BTreeMap<AccountName, T>,
}

impl<T> PerAccount<T> {
    /// What holds for an account.
    pub fn of(&self, account: &AccountName) -> &T {
        self.own.get(account).unwrap_or(&self.common)
    }

    /// The accounts that have their own, with it.
    pub fn own(&self) -> impl Iterator<Item = (&AccountName, &T)> {
        self.own.iter()
    }

    /// The same, seen through `look`.
    pub fn map<U>(&self, look: impl Fn(&T) -> U) -> PerAccount<U> {
        let own = self.own.iter().map(|(account, value)| (account.clone(), look(value)));
        PerAccount { common: look(&self.common), own: own.collect() }
    }
}

impl<T: PartialEq> PerAccount<T> {
    /// Gives an account its own, if that is not what holds anyway.
    pub fn set(&mut self, account: AccountName, value: T) {
        if value == self.common {
            self.own.remove(&account);
        } else {
            self.own.insert(account, value);
        }
    }
}

impl<T> From<T> for PerAccount<T> {
    fn from(common: T) -> Self {
        Self { common, own: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_its_own_or_what_all_have() {
        let [a, b] = ["a", "b"].map(|name| AccountName::parse(name).unwrap());
        let mut values = PerAccount::from(1);
        values.set(a.clone(), 2);
        assert_eq!((*values.of(&a), *values.of(&b)), (2, 1));
        assert_eq!(values.own().collect::<Vec<_>>(), [(&a, &2)]);
        let shown = values.map(ToString::to_string);
        assert_eq!((shown.of(&a).as_str(), shown.of(&b).as_str()), ("2", "1"));
        values.set(a.clone(), 1);
        assert_eq!(values, PerAccount::from(1));
    }
}
