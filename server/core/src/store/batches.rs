//! Many rows in few statements.

/// How many rows a statement has, the largest first; both databases bound its parameters.
const SIZES: [usize; 5] = [256, 64, 16, 4, 1];

/// Rows in parts of few different sizes. Each connection keeps the hundred statements that it has seen last, made ready:
/// of one for each number of rows those would take tens of megabytes, and hardly any would be seen again.
pub(crate) fn batches<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|size| *size <= rows.len())?;
        let (batch, rest) = rows.split_at(size);
        rows = rest;
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn each_row_is_in_one_of_them_in_order(rows: Vec<u8>, times in 0..20_usize) {
            let rows = rows.repeat(times);
            proptest::prop_assert_eq!(batches(&rows).collect::<Vec<_>>().concat(), rows.clone());
            proptest::prop_assert!(batches(&rows).all(|batch| SIZES.contains(&batch.len())));
            proptest::prop_assert!(batches(&rows).count() <= rows.len() / 256 + 12);
        }
    }
}
