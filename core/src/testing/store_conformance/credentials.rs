//! Sealed credentials.

use super::StoreFactory;
use super::samples::*;
use crate::secret::{Credential, MasterKey, Sealed};
use crate::store::{Batch, CredentialChange, CredentialOwner, CredentialRecord, StoreError};

/// A credential with a value that tells its number.
pub fn credential(owner: CredentialOwner, name: &str, number: u64) -> CredentialRecord {
    let value = Credential::opaque(format!("value-{number}"));
    let random = std::array::from_fn(|at| (at as u8).wrapping_add(number as u8));
    let sealed = Sealed::seal(name, &value, &MasterKey::new([7; 32]), &random);
    let sealed = sealed.unwrap_or_else(|error| unreachable!("sealing does not fail: {error}"));
    let changed_by = "größe 😀'".to_owned();
    CredentialRecord { owner, name: name.to_owned(), kind: value.kind(), sealed, changed: moment(number), changed_by }
}

fn changes(credentials: impl IntoIterator<Item = CredentialChange>) -> Batch {
    Batch { credentials: credentials.into_iter().collect(), ..Batch::default() }
}

fn remove(owner: CredentialOwner, name: &str) -> CredentialChange {
    CredentialChange::Remove { owner, name: name.to_owned() }
}

/// A credential is what was set last. Those of an owner are listed by name, those of others are not seen.
pub async fn credentials_are_set_and_removed(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    use CredentialOwner::{Installation, Run};
    let store = factory.create().await?;
    store.commit(new_runs([record(1, "a", 1)])).await?;
    let of_run = Run(run_id(1));
    let set = |owner, name, number| CredentialChange::Set(credential(owner, name, number));
    store.commit(changes([set(Installation, "b", 1), set(Installation, "a 'ö", 2), set(of_run, "b", 3)])).await?;
    assert_eq!(store.credential(Installation, "b").await?, Some(credential(Installation, "b", 1)));
    assert_eq!(store.credential(of_run, "b").await?, Some(credential(of_run, "b", 3)));
    for (owner, name) in [(of_run, "a 'ö"), (Installation, "B"), (Run(run_id(2)), "b")] {
        assert_eq!(store.credential(owner, name).await?, None, "{name}");
    }
    store.commit(changes([set(Installation, "b", 4)])).await?;
    let own = [credential(Installation, "a 'ö", 2), credential(Installation, "b", 4)];
    assert_eq!(store.credentials(Some(Installation)).await?, own);
    assert_eq!(store.credentials(None).await?, [own.as_slice(), &[credential(of_run, "b", 3)]].concat());
    let store = match factory.reopen(store.clone()).await? {
        Some(opened) => opened,
        None => store,
    };
    store.commit(changes([remove(Installation, "b")])).await?;
    assert_eq!(store.credentials(Some(Installation)).await?, own[..1]);
    for missing in [remove(Installation, "b"), remove(Run(run_id(9)), "b")] {
        let refused = store.commit(changes([set(Installation, "c", 5), missing])).await;
        assert!(matches!(refused, Err(StoreError::NoSuchCredential { ref name }) if name == "b"), "{refused:?}");
        assert_eq!(store.credential(Installation, "c").await?, None, "nothing of a refused batch is written");
    }
    Ok(())
}

/// What only one run may use is made together with it, and goes with it or before it.
pub async fn credentials_of_a_run_go_with_it(factory: &dyn StoreFactory) -> Result<(), StoreError> {
    let store = factory.create().await?;
    let owner = |run| CredentialOwner::Run(run_id(run));
    let set = |run, name| CredentialChange::Set(credential(owner(run), name, 1));
    let refused = store.commit(changes([set(1, "a")])).await;
    assert!(matches!(refused, Err(StoreError::NoSuchRun { run }) if run == run_id(1)), "{refused:?}");
    let runs = new_runs([record(1, "a", 1), record(2, "a", 2)]);
    store.commit(Batch { credentials: vec![set(1, "a"), set(1, "b"), set(2, "a")], ..runs }).await?;
    store.commit(changes([CredentialChange::RemoveOfRun(run_id(1)), CredentialChange::RemoveOfRun(run_id(9))])).await?;
    assert_eq!(store.credentials(Some(owner(1))).await?, []);
    assert_eq!(store.credentials(None).await?, [credential(owner(2), "a", 1)]);
    store.commit(appends([ended(2, 0, 1)])).await?;
    store.commit(deletes([2])).await?;
    assert_eq!(store.credentials(None).await?, []);
    Ok(())
}
