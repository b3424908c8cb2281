-- A database of schema 1 with content, as Windlass wrote it before there was schema 2.
BEGIN TRANSACTION;
CREATE TABLE runs (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    number INTEGER NOT NULL,
    pipeline TEXT NOT NULL,
    trigger_kind TEXT NOT NULL,
    created_wall INTEGER NOT NULL,
    created_elapsed INTEGER NOT NULL,
    status TEXT NOT NULL,
    started_wall INTEGER,
    started_elapsed INTEGER,
    finished_wall INTEGER,
    finished_elapsed INTEGER,
    released INTEGER NOT NULL,
    unfinished INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    UNIQUE (pipeline, number)
) STRICT;
INSERT INTO runs VALUES(1,X'00000000000170008000000000000000',1,'web','manual',1790000000001000001,1,'failed',1790000000010000010,10,1790000000020000020,20,1,0,3,1028698020);
INSERT INTO runs VALUES(2,X'00000000000270008000000000000000',2,'web','schedule',1790000000002000002,2,'running',1790000000010000010,10,NULL,NULL,0,1,3,2440290296);
INSERT INTO runs VALUES(3,X'00000000000370008000000000000000',7,'größe 😀','manual',1790000000003000003,3,'queued',NULL,NULL,NULL,NULL,0,1,0,3216647701);
CREATE TABLE documents (
    run INTEGER PRIMARY KEY REFERENCES runs (key) ON DELETE CASCADE,
    definition TEXT NOT NULL,
    request TEXT NOT NULL,
    rerun_of BLOB,
    crc INTEGER NOT NULL
) STRICT;
INSERT INTO documents VALUES(1,'{"name":"web","stages":[{"name":"Test","tasks":[]}]}','{"trigger":{"kind":"manual","actor":"ana"}}',NULL,2136981232);
INSERT INTO documents VALUES(2,'{"name":"web","stages":[{"name":"Test","tasks":[]}]}','{"trigger":{"kind":"schedule"}}',X'00000000000170008000000000000000',3523590081);
INSERT INTO documents VALUES(3,'{"name":"größe 😀","stages":[{"name":"Test","tasks":[]}]}','{"trigger":{"kind":"manual","actor":5}}',NULL,2699163813);
CREATE TABLE counters (
    pipeline TEXT PRIMARY KEY,
    last_number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters VALUES('größe 😀',7);
INSERT INTO counters VALUES('web',2);
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    elapsed INTEGER NOT NULL,
    body TEXT NOT NULL,
    crc INTEGER NOT NULL,
    UNIQUE (run, seq)
) STRICT;
INSERT INTO events VALUES(1,1,1,1790000000001000001,1,'{"type":"logAppended","task":"unit[PY=3.11]","attempt":1,"from":1,"to":2,"source":3}',3872727036);
INSERT INTO events VALUES(2,1,2,1790000000002000002,2,'{"type":"logAppended","task":"unit[PY=3.11]","attempt":1,"from":2,"to":3,"source":4}',3770163797);
INSERT INTO events VALUES(3,1,3,1790000000003000003,3,'{"type":"logAppended","task":"unit[PY=3.11]","attempt":1,"from":3,"to":4,"source":5}',1728455014);
INSERT INTO events VALUES(4,2,1,1790000000001000001,1,'{"type":"logAppended","task":"unit[PY=3.11]","attempt":1,"from":1,"to":2,"source":3}',1498670382);
INSERT INTO events VALUES(5,2,2,1790000000002000002,2,'{"type":"logAppended","task":"unit[PY=3.11]","attempt":1,"from":2,"to":3,"source":4}',1597954183);
INSERT INTO events VALUES(6,2,3,1790000000003000003,3,'{"type":"logAppended","task":"unit[PY=3.11]","attempt":1,"from":3,"to":4,"source":5}',3632323508);
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO settings VALUES('origin','42');
CREATE INDEX runs_by_pipeline ON runs (pipeline, id);
CREATE INDEX runs_by_status ON runs (status, id);
CREATE INDEX runs_by_pipeline_and_status ON runs (pipeline, status, id);
CREATE INDEX runs_unfinished ON runs (id) WHERE unfinished = 1;
COMMIT;
PRAGMA application_id = 1466852460;
PRAGMA user_version = 1;
