-- atlas.db, third edition: how Atlas answers.

-- Requests to Atlas, counted by the minute in which they ended. came: 'ok', or the error in our words.
CREATE TABLE atlas_calls (
  minute INTEGER NOT NULL,  -- since 1970
  endpoint TEXT NOT NULL,   -- 'status', 'flow/init', ...
  came TEXT NOT NULL,
  bin INTEGER NOT NULL CHECK (bin >= 0),  -- how long they took: atlas_calls.py says from when to when
  times INTEGER NOT NULL CHECK (times >= 1),
  PRIMARY KEY (minute, endpoint, came, bin)
) STRICT, WITHOUT ROWID;

-- How Atlas was, each state until the next begins; 'not asked' while no worker ran.
CREATE TABLE atlas_states (
  state_id INTEGER PRIMARY KEY,
  began_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  sentence TEXT NOT NULL DEFAULT ''
) STRICT;

-- From when to when the access token lives; never the token.
CREATE TABLE atlas_token (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  fetched_at INTEGER NOT NULL,
  ends_at INTEGER NOT NULL
) STRICT;
