//! What nothing refers to.

use sea_orm::{
    ColumnTrait,
    sea_query::{Expr, ExprTrait, Query},
};

/// That what is in a column is nowhere in that one of another table. However large that is, both databases look for each
/// value by an index, or for all of them at once.
pub(crate) fn nowhere_in(column: impl ColumnTrait, other: impl ColumnTrait) -> Expr {
    let same = Expr::col(column.as_column_ref()).equals(other.as_column_ref());
    Expr::not_exists(Query::select().column(other.as_column_ref()).from(other.entity_name()).and_where(same).to_owned())
}
