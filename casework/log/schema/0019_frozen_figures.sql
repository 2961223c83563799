-- What every unit was measured at when a round was frozen, under the digest that the round tells of it, so that no
-- reader measures all units again. It follows from the log: what is lost here is counted and measured anew.

CREATE TABLE casework.frozen_figures (
    sha256  bytea PRIMARY KEY,
    figures bytea NOT NULL -- casework.selection.kept_figures says how it is read
);

GRANT SELECT, INSERT, UPDATE ON casework.frozen_figures TO casework_app;
