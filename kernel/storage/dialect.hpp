// The differences between the SQL of the two backends, all of them. Everything else is written once.
//
//   $1            SQLite numbers parameters as ?1 ($1 would be a name there)
//   {list:$1}     the rows of an integer list parameter, after IN
//   {skip_locked} row locks for claiming work: "FOR UPDATE SKIP LOCKED"; SQLite has one writer, so nothing
//   {id}          the type of a primary key that the product numbers itself (migrations)
#pragma once

#include <string>
#include <string_view>

#include "storage/database.hpp"

namespace bursar::storage {

// SQL text as the backend takes it. Text inside '...' is left as it is. Throws InvariantBroken for an unknown {token}.
std::string render_sql(Backend backend, std::string_view text);

// A migration as the backend takes it: {id} replaced, blocks of the other backend dropped. Parameters are not touched.
std::string render_migration(Backend backend, std::string_view text);

// The statements behind Transaction::insert_many and update_many. For SQLite one row of ?1, ?2, ...; for PostgreSQL
// arrays of the whole batch through unnest().
std::string insert_many_sql(Backend backend, std::string_view table, const Batch& batch);
std::string update_many_sql(Backend backend, std::string_view table, std::size_t key_columns, const Batch& batch);

}  // namespace bursar::storage
