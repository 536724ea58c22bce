-- A ledger of schema 1 as batchdub made it: `a` submitted, `b` in doubt, `c` pending.
PRAGMA application_id = 1650750818;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'batchdub','m001_first_ledger','2026-11-26 16:45:23.367201+00:00');
CREATE TABLE attempts (
        attempt_id INTEGER PRIMARY KEY,
        job_id INTEGER NOT NULL REFERENCES jobs,
        attempt_no INTEGER NOT NULL CHECK (attempt_no >= 1),
        run_id TEXT NOT NULL REFERENCES runs,
        intended_at TEXT NOT NULL,
        server_at TEXT,
        ended_at TEXT,
        event TEXT CHECK (event IN ('not_sent', 'turned_away', 'refused', 'accepted', 'lost')),
        cause TEXT,
        http_status INTEGER,
        request_id TEXT,
        message TEXT,
        UNIQUE (job_id, attempt_no)
    );
INSERT INTO "attempts" VALUES(1,1,1,'run-1','2026-03-01T22:00:03.000Z','2026-03-01T22:00:00.000Z','2026-03-01T22:00:04.000Z','accepted','accepted',200,'request-1',NULL);
INSERT INTO "attempts" VALUES(2,2,1,'run-1','2026-03-01T22:00:05.000Z','2026-03-01T22:00:00.000Z','2026-03-01T22:00:06.000Z','lost','timeout',NULL,NULL,'no answer in 60 s');
CREATE TABLE jobs (
        job_id INTEGER PRIMARY KEY,
        reference_id TEXT NOT NULL,
        revision INTEGER NOT NULL DEFAULT 1 CHECK (revision >= 1),
        state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sending', 'in_doubt', 'submitted', 'completed', 'failed', 'rejected', 'cancelled')),
        latest INTEGER NOT NULL DEFAULT 1 CHECK (latest IN (0, 1)),
        held TEXT,
        media_key TEXT NOT NULL,
        video_url TEXT NOT NULL,
        audio_url TEXT NOT NULL,
        video_hash TEXT NOT NULL,
        audio_hash TEXT NOT NULL,
        manifest_id INTEGER NOT NULL REFERENCES manifests,
        line INTEGER NOT NULL,
        position INTEGER NOT NULL,
        columns TEXT NOT NULL DEFAULT '{}',
        request_id TEXT,
        remote_status TEXT,
        error TEXT,
        http_status INTEGER,
        attempts INTEGER NOT NULL DEFAULT 0,
        submitted_at TEXT,
        finished_at TEXT,
        output_url TEXT,
        output_file TEXT,
        run_id TEXT REFERENCES runs,
        UNIQUE (reference_id, revision)
    );
INSERT INTO "jobs" VALUES(1,'a',1,'submitted',1,NULL,'m1:ce3027d4cbf89dd32b4aa2dc53090df7','https://cdn.example.com/a.mp4','https://cdn.example.com/a.wav','d275417e776378b9','3b8b773d4a16a365',1,2,2,'{"language":"ja"}','request-1',NULL,NULL,200,1,'2026-03-01T22:00:04.000Z',NULL,NULL,NULL,'run-1');
INSERT INTO "jobs" VALUES(2,'b',1,'in_doubt',1,NULL,'m1:c7cf2df9d0d2045751a73fa04e5562f3','https://cdn.example.com/b.mp4','https://cdn.example.com/b.wav','c478a5c1dc910bf8','e90786abf460430a',1,3,3,'{"language":"ja"}',NULL,NULL,'no answer in 60 s',NULL,1,NULL,NULL,NULL,NULL,'run-1');
INSERT INTO "jobs" VALUES(3,'c',1,'pending',1,NULL,'m1:5e91a7d741cce1ec02e067b91ac25f53','https://cdn.example.com/c.mp4','https://cdn.example.com/c.wav','d2b453e8c65d49d1','88166bf34ca95526',1,4,4,'{"language":"ja"}',NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE manifests (
        manifest_id INTEGER PRIMARY KEY,
        path TEXT NOT NULL,
        location TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        first_seen_at TEXT NOT NULL,
        UNIQUE (location, sha256)
    );
INSERT INTO "manifests" VALUES(1,'tonight.csv','/srv/dubs/tonight.csv','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','2026-03-01T22:00:02.000Z');
CREATE TABLE media (
        media_hash TEXT PRIMARY KEY,
        link_hash TEXT NOT NULL,
        status INTEGER NOT NULL,
        content_type TEXT NOT NULL,
        bytes INTEGER,
        etag TEXT NOT NULL,
        last_modified TEXT NOT NULL,
        checked_at TEXT NOT NULL
    ) WITHOUT ROWID;
CREATE TABLE meta (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
INSERT INTO "meta" VALUES('opened','1');
CREATE TABLE other_requests (
        request_id TEXT PRIMARY KEY,
        reference_id TEXT NOT NULL,
        created_at TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('duplicate', 'not_ours')),
        job_id INTEGER REFERENCES jobs,
        seen_at TEXT NOT NULL,
        run_id TEXT REFERENCES runs,
        acknowledged_at TEXT,
        acknowledged_by TEXT,
        note TEXT
    ) WITHOUT ROWID;
CREATE TABLE runs (
        run_id TEXT PRIMARY KEY,
        command TEXT NOT NULL,
        started_at TEXT NOT NULL,
        ended_at TEXT,
        exit_code INTEGER,
        summary TEXT,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        version TEXT NOT NULL
    ) WITHOUT ROWID;
INSERT INTO "runs" VALUES('run-1','run tonight.csv','2026-03-01T22:00:01.000Z',NULL,NULL,NULL,'studio',1,'0.1.0');
CREATE TABLE transitions (
        transition_id INTEGER PRIMARY KEY,
        job_id INTEGER NOT NULL REFERENCES jobs,
        event TEXT NOT NULL,
        from_state TEXT NOT NULL CHECK (from_state IN ('pending', 'sending', 'in_doubt', 'submitted', 'completed', 'failed', 'rejected', 'cancelled')),
        to_state TEXT NOT NULL CHECK (to_state IN ('pending', 'sending', 'in_doubt', 'submitted', 'completed', 'failed', 'rejected', 'cancelled')),
        at TEXT NOT NULL,
        run_id TEXT REFERENCES runs,
        actor TEXT,
        note TEXT
    );
INSERT INTO "transitions" VALUES(1,1,'send','pending','sending','2026-03-01T22:00:03.000Z','run-1',NULL,NULL);
INSERT INTO "transitions" VALUES(2,1,'accepted','sending','submitted','2026-03-01T22:00:04.000Z','run-1',NULL,NULL);
INSERT INTO "transitions" VALUES(3,2,'send','pending','sending','2026-03-01T22:00:05.000Z','run-1',NULL,NULL);
INSERT INTO "transitions" VALUES(4,2,'lost','sending','in_doubt','2026-03-01T22:00:06.000Z','run-1',NULL,NULL);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE UNIQUE INDEX job_request ON jobs (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX job_state ON jobs (state, held, latest) WHERE latest = 1;
CREATE INDEX job_media ON jobs (media_key);
CREATE INDEX job_order ON jobs (manifest_id, position) WHERE latest = 1;
CREATE INDEX job_attention ON jobs (manifest_id, position) WHERE latest = 1 AND (state IN ('in_doubt', 'rejected', 'failed') OR held IS NOT NULL AND state = 'pending');
CREATE UNIQUE INDEX one_open_attempt ON attempts (job_id) WHERE event IS NULL;
CREATE INDEX attempt_request ON attempts (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX transition_job ON transitions (job_id);
CREATE INDEX duplicate_job ON other_requests (job_id);
CREATE TRIGGER transition_is_legal BEFORE INSERT ON transitions
        WHEN NOT (
            (NEW.event = 'send' AND NEW.from_state = 'pending' AND NEW.to_state = 'sending' OR NEW.event = 'found' AND NEW.from_state = 'pending' AND NEW.to_state = 'submitted' OR NEW.event = 'cancel' AND NEW.from_state = 'pending' AND NEW.to_state = 'cancelled' OR NEW.event = 'not_sent' AND NEW.from_state = 'sending' AND NEW.to_state = 'pending' OR NEW.event = 'turned_away' AND NEW.from_state = 'sending' AND NEW.to_state = 'pending' OR NEW.event = 'refused' AND NEW.from_state = 'sending' AND NEW.to_state = 'rejected' OR NEW.event = 'accepted' AND NEW.from_state = 'sending' AND NEW.to_state = 'submitted' OR NEW.event = 'lost' AND NEW.from_state = 'sending' AND NEW.to_state = 'in_doubt' OR NEW.event = 'found' AND NEW.from_state = 'in_doubt' AND NEW.to_state = 'submitted' OR NEW.event = 'absent' AND NEW.from_state = 'in_doubt' AND NEW.to_state = 'pending' OR NEW.event = 'cancel' AND NEW.from_state = 'in_doubt' AND NEW.to_state = 'cancelled' OR NEW.event = 'completed' AND NEW.from_state = 'submitted' AND NEW.to_state = 'completed' OR NEW.event = 'failed' AND NEW.from_state = 'submitted' AND NEW.to_state = 'failed' OR NEW.event = 'disputed' AND NEW.from_state = 'submitted' AND NEW.to_state = 'in_doubt' OR NEW.event = 'retry' AND NEW.from_state = 'rejected' AND NEW.to_state = 'pending') AND EXISTS (
                SELECT 1 FROM jobs WHERE job_id = NEW.job_id AND state = NEW.from_state
                AND (revision = 1
                     OR EXISTS (SELECT 1 FROM transitions WHERE job_id = NEW.job_id)))
            OR (NEW.event = 'retry' AND NEW.from_state = 'failed' AND NEW.to_state = 'pending' OR NEW.event = 'reorder' AND NEW.from_state = 'completed' AND NEW.to_state = 'pending') AND EXISTS (
                SELECT 1 FROM jobs AS job JOIN jobs AS before
                ON before.reference_id = job.reference_id AND before.revision = job.revision - 1
                WHERE job.job_id = NEW.job_id AND job.state = 'pending'
                AND before.state = NEW.from_state
                AND NOT EXISTS (SELECT 1 FROM transitions WHERE job_id = NEW.job_id))
        )
        BEGIN SELECT RAISE(ABORT, 'illegal transition'); END;
CREATE TRIGGER transition_matches_attempt BEFORE INSERT ON transitions
        WHEN NEW.from_state = 'sending' AND NEW.event IS NOT (
            SELECT event FROM attempts WHERE job_id = NEW.job_id
            ORDER BY attempt_no DESC LIMIT 1)
        BEGIN SELECT RAISE(ABORT, 'the attempt has not ended so'); END;
CREATE TRIGGER job_follows_transition AFTER INSERT ON transitions
        WHEN (NEW.event = 'send' AND NEW.from_state = 'pending' AND NEW.to_state = 'sending' OR NEW.event = 'found' AND NEW.from_state = 'pending' AND NEW.to_state = 'submitted' OR NEW.event = 'cancel' AND NEW.from_state = 'pending' AND NEW.to_state = 'cancelled' OR NEW.event = 'not_sent' AND NEW.from_state = 'sending' AND NEW.to_state = 'pending' OR NEW.event = 'turned_away' AND NEW.from_state = 'sending' AND NEW.to_state = 'pending' OR NEW.event = 'refused' AND NEW.from_state = 'sending' AND NEW.to_state = 'rejected' OR NEW.event = 'accepted' AND NEW.from_state = 'sending' AND NEW.to_state = 'submitted' OR NEW.event = 'lost' AND NEW.from_state = 'sending' AND NEW.to_state = 'in_doubt' OR NEW.event = 'found' AND NEW.from_state = 'in_doubt' AND NEW.to_state = 'submitted' OR NEW.event = 'absent' AND NEW.from_state = 'in_doubt' AND NEW.to_state = 'pending' OR NEW.event = 'cancel' AND NEW.from_state = 'in_doubt' AND NEW.to_state = 'cancelled' OR NEW.event = 'completed' AND NEW.from_state = 'submitted' AND NEW.to_state = 'completed' OR NEW.event = 'failed' AND NEW.from_state = 'submitted' AND NEW.to_state = 'failed' OR NEW.event = 'disputed' AND NEW.from_state = 'submitted' AND NEW.to_state = 'in_doubt' OR NEW.event = 'retry' AND NEW.from_state = 'rejected' AND NEW.to_state = 'pending')
        BEGIN UPDATE jobs SET state = NEW.to_state WHERE job_id = NEW.job_id; END;
CREATE TRIGGER transitions_are_final BEFORE UPDATE ON transitions
        BEGIN SELECT RAISE(ABORT, 'transitions are final'); END;
CREATE TRIGGER transitions_are_kept BEFORE DELETE ON transitions
        BEGIN SELECT RAISE(ABORT, 'transitions are kept'); END;
CREATE TRIGGER job_starts_pending BEFORE INSERT ON jobs
        WHEN NEW.state <> 'pending' OR NEW.request_id IS NOT NULL OR NEW.attempts <> 0
        BEGIN SELECT RAISE(ABORT, 'a job starts pending'); END;
CREATE TRIGGER one_latest_job BEFORE INSERT ON jobs
        WHEN NEW.latest = 0
        OR EXISTS (SELECT 1 FROM jobs WHERE reference_id = NEW.reference_id
                   AND (latest = 1 OR revision >= NEW.revision))
        OR NEW.revision > 1 AND NOT EXISTS (
            SELECT 1 FROM jobs WHERE reference_id = NEW.reference_id
            AND revision = NEW.revision - 1)
        BEGIN SELECT RAISE(ABORT, 'the row has a later or open revision'); END;
CREATE TRIGGER revision_gives_way BEFORE UPDATE OF latest ON jobs
        WHEN NEW.latest <> OLD.latest AND NOT (NEW.latest = 0 AND OLD.state IN ('completed', 'failed'))
        BEGIN SELECT RAISE(ABORT, 'only an ended order gives way to a next revision'); END;
CREATE TRIGGER state_only_by_transition BEFORE UPDATE OF state ON jobs
        WHEN NOT EXISTS (
            SELECT 1 FROM transitions WHERE job_id = OLD.job_id
            AND transition_id = (SELECT max(transition_id) FROM transitions
                                 WHERE job_id = OLD.job_id)
            AND from_state = OLD.state AND to_state = NEW.state)
        BEGIN SELECT RAISE(ABORT, 'state changed without a transition'); END;
CREATE TRIGGER job_identity_is_fixed BEFORE UPDATE OF job_id, reference_id, revision ON jobs
        BEGIN SELECT RAISE(ABORT, 'a job keeps its identity'); END;
CREATE TRIGGER media_are_fixed BEFORE UPDATE OF media_key ON jobs
        WHEN NEW.media_key <> OLD.media_key AND (OLD.attempts > 0 OR OLD.state <> 'pending')
        BEGIN SELECT RAISE(ABORT, 'a job that was tried keeps its media'); END;
CREATE TRIGGER jobs_are_kept BEFORE DELETE ON jobs
        BEGIN SELECT RAISE(ABORT, 'jobs are kept'); END;
CREATE TRIGGER attempt_starts_open BEFORE INSERT ON attempts
        WHEN NEW.event IS NOT NULL OR NEW.request_id IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM jobs WHERE job_id = NEW.job_id AND state = 'pending'
                       AND attempts = NEW.attempt_no - 1)
        BEGIN SELECT RAISE(ABORT, 'an attempt starts open'); END;
CREATE TRIGGER attempt_is_settled_once BEFORE UPDATE ON attempts
        WHEN OLD.event IS NOT NULL
        BEGIN SELECT RAISE(ABORT, 'attempt already settled'); END;
CREATE TRIGGER intent_is_fixed BEFORE UPDATE OF attempt_id, job_id, attempt_no, run_id, intended_at, server_at ON attempts
        BEGIN SELECT RAISE(ABORT, 'an intent is final'); END;
CREATE TRIGGER sending_needs_intent BEFORE UPDATE OF state ON jobs
        WHEN NEW.state = 'sending' AND NOT EXISTS (
            SELECT 1 FROM attempts WHERE job_id = OLD.job_id AND event IS NULL)
        BEGIN SELECT RAISE(ABORT, 'sending without an open attempt'); END;
CREATE TRIGGER attempts_are_kept BEFORE DELETE ON attempts
        BEGIN SELECT RAISE(ABORT, 'attempts are kept'); END;
CREATE TRIGGER submitted_needs_request_id BEFORE UPDATE OF state ON jobs
        WHEN NEW.state = 'submitted' AND NEW.request_id IS NULL
        BEGIN SELECT RAISE(ABORT, 'submitted without a request_id'); END;
CREATE TRIGGER order_keeps_request_id BEFORE UPDATE OF request_id ON jobs
        WHEN OLD.request_id IS NOT NULL AND NEW.request_id IS NOT OLD.request_id
        AND OLD.state <> 'in_doubt'
        BEGIN SELECT RAISE(ABORT, 'an order keeps its request_id'); END;
CREATE TRIGGER request_is_not_another BEFORE UPDATE OF request_id ON jobs
        WHEN EXISTS (SELECT 1 FROM other_requests WHERE request_id = NEW.request_id)
        BEGIN SELECT RAISE(ABORT, 'the request is recorded as another'); END;
CREATE TRIGGER other_is_no_order BEFORE INSERT ON other_requests
        WHEN EXISTS (SELECT 1 FROM jobs WHERE request_id = NEW.request_id)
        BEGIN SELECT RAISE(ABORT, 'the request is the order of a job'); END;
CREATE VIEW "report" AS 
        SELECT jobs.reference_id, jobs.revision, jobs.state, jobs.request_id,
            jobs.remote_status, coalesce(jobs.error, jobs.held) AS error, jobs.attempts,
            jobs.http_status, manifests.path || ':' || jobs.line AS source,
            jobs.video_url, jobs.audio_url, jobs.output_url, jobs.output_file,
            jobs.submitted_at, jobs.finished_at, jobs.run_id, jobs.columns
        FROM jobs JOIN manifests USING (manifest_id)
        WHERE jobs.latest = 1
        ORDER BY jobs.manifest_id, jobs.position;
CREATE VIEW "counts_by_state" AS 
        SELECT state, count(*) AS jobs FROM jobs WHERE jobs.latest = 1 GROUP BY state;
CREATE VIEW "failed_by_cause" AS 
        SELECT state, coalesce(error, '(no reason given)') AS cause, count(*) AS jobs,
            min(reference_id) AS for_example
        FROM jobs WHERE jobs.latest = 1 AND state IN ('failed', 'rejected')
        GROUP BY state, cause ORDER BY jobs DESC;
CREATE VIEW "oldest_waiting" AS 
        SELECT reference_id, revision, state, submitted_at, remote_status
        FROM jobs WHERE jobs.latest = 1 AND state = 'submitted' ORDER BY submitted_at;
CREATE VIEW "stalled" AS 
        SELECT reference_id, revision, submitted_at, remote_status, request_id
        FROM jobs WHERE jobs.latest = 1 AND state = 'submitted'
        AND submitted_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-6 hours') ORDER BY submitted_at;
CREATE VIEW "duplicates" AS 
        SELECT other_requests.reference_id, other_requests.request_id,
            other_requests.created_at, jobs.request_id AS kept_request_id,
            other_requests.acknowledged_at, other_requests.acknowledged_by
        FROM other_requests LEFT JOIN jobs USING (job_id)
        WHERE other_requests.kind = 'duplicate';
CREATE VIEW "blocked" AS 
        SELECT reference_id, revision, state, held AS reason
        FROM jobs WHERE jobs.latest = 1 AND held IS NOT NULL;
CREATE VIEW "needs_a_look" AS 
        SELECT reference_id, revision, coalesce(held, 'outcome unknown') AS reason
        FROM jobs WHERE jobs.latest = 1 AND state = 'in_doubt'
        UNION ALL
        SELECT reference_id, NULL, 'ordered more than once: also ' || request_id
        FROM duplicates WHERE acknowledged_at IS NULL;
CREATE VIEW "history" AS 
        SELECT jobs.reference_id, jobs.revision, transitions.at, transitions.from_state,
            transitions.event, transitions.to_state, transitions.actor, transitions.note,
            transitions.run_id
        FROM transitions JOIN jobs USING (job_id) ORDER BY transitions.transition_id;
COMMIT;
