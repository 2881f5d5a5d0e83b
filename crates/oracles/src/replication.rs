//! DCE/RPC fragments, and the answers of DRSUAPI and the endpoint mapper.

use lockstep_ad_proto::drsuapi::{Bound, Changes};
use lockstep_ad_proto::epm;
use lockstep_ad_proto::rpc::{Fragment, RpcError, Splitter};

/// However the network cuts a stream into pieces, the fragments are the same.
pub(crate) fn fragments(bytes: &[u8]) {
    let whole = split(bytes, usize::MAX);
    for size in [7, 1] {
        assert_eq!(whole, split(bytes, size), "pieces made a difference");
    }
}

fn split(bytes: &[u8], size: usize) -> (Vec<Fragment>, Option<RpcError>) {
    let mut splitter = Splitter::default();
    let mut fragments = Vec::new();
    for piece in bytes.chunks(size.min(bytes.len().max(1))) {
        splitter.push(piece);
        loop {
            match splitter.next() {
                Ok(Some(fragment)) => fragments.push(fragment),
                Ok(None) => break,
                Err(error) => return (fragments, Some(error)),
            }
        }
    }
    (fragments, None)
}

/// An answer is understood or refused, whatever its counts and pointers say.
pub(crate) fn answers(stub: &[u8]) {
    let _ = Bound::decode(stub);
    let _ = epm::port(stub);
    if let Ok(changes) = Changes::decode(stub) {
        for object in &changes.objects {
            let _ = object.deleted();
        }
    }
}
