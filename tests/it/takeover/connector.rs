//! What a Python connector leaves behind, in each of its layouts.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::scene::number;
use crate::world::World;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// 2.2.x: a file for each object.
    Files,
    /// 3.x: a database in the listener's folder; a deletion is the text `null`.
    Database3,
    /// 4.x: a database in the data folder; a deletion is NULL.
    Database4,
}

pub struct Connector {
    dir: tempfile::TempDir,
    pub layout: Layout,
}

/// The tables, as in the connector's models.
fn tables(layout: Layout) -> String {
    let (attrs, unique) = match layout {
        Layout::Database3 => ("attrs TEXT NOT NULL", ""),
        _ => ("attrs TEXT", "UNIQUE"),
    };
    format!(
        "CREATE TABLE tasks (id INTEGER PRIMARY KEY AUTOINCREMENT, obj_id VARCHAR NOT NULL,
           udm_module VARCHAR NOT NULL, dn VARCHAR NOT NULL, {attrs},
           status VARCHAR NOT NULL DEFAULT 'new', num_errors INTEGER NOT NULL DEFAULT 0,
           created_at DATETIME NOT NULL);
         CREATE INDEX ix_tasks_created_at ON tasks (created_at);
         CREATE TABLE old (id INTEGER PRIMARY KEY AUTOINCREMENT, obj_id VARCHAR NOT NULL {unique},
           udm_module VARCHAR NOT NULL, dn VARCHAR NOT NULL, attrs TEXT NOT NULL);
         CREATE TABLE morgue (id INTEGER PRIMARY KEY AUTOINCREMENT, obj_id VARCHAR NOT NULL,
           udm_module VARCHAR NOT NULL, dn VARCHAR NOT NULL, {attrs}, error_msg TEXT NOT NULL,
           timestamp DATETIME NOT NULL);
         CREATE TABLE relations (id INTEGER PRIMARY KEY AUTOINCREMENT, src_obj_id VARCHAR,
           src_udm_module VARCHAR, dst_obj_id VARCHAR, dst_udm_module VARCHAR,
           relation_name VARCHAR);"
    )
}

impl Connector {
    /// One that has provisioned these items; OX says under which numbers.
    pub fn of(world: &World, items: &[Value], layout: Layout) -> Self {
        let connector = Self { dir: tempfile::tempdir().unwrap(), layout };
        std::fs::create_dir_all(connector.dir().join("listener/old")).unwrap();
        if layout == Layout::Files {
            // Both are gdbm files; drover makes nothing of them.
            std::fs::write(connector.dir().join("listener/old.db"), b"\xcf\x9a\x57\x13").unwrap();
        } else {
            std::fs::remove_dir(connector.dir().join("listener/old")).unwrap();
            connector.database().execute_batch(&tables(layout)).unwrap();
        }
        for item in items {
            connector.add(&enriched(world, item));
        }
        connector
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn database_path(&self) -> PathBuf {
        match self.layout {
            Layout::Database3 => self.dir().join("listener/ox-connector.db"),
            _ => self.dir().join("ox-connector.db"),
        }
    }

    pub fn database(&self) -> Connection {
        Connection::open(self.database_path()).unwrap()
    }

    /// One more last known state.
    pub fn add(&self, item: &Value) {
        let id = item["id"].as_str().unwrap();
        if self.layout == Layout::Files {
            let path = self.dir().join(format!("listener/old/{id}.json"));
            std::fs::write(path, serde_json::to_vec_pretty(item).unwrap()).unwrap();
            return;
        }
        let sql = "INSERT INTO old (obj_id, udm_module, dn, attrs) VALUES (?1, ?2, ?3, ?4)";
        self.database().execute(sql, row(item, self.layout)).unwrap();
    }

    /// Changes a last known state.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut Value)) {
        if self.layout == Layout::Files {
            let path = self.dir().join(format!("listener/old/{id}.json"));
            let mut item: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            change(&mut item);
            std::fs::write(path, item.to_string()).unwrap();
            return;
        }
        let db = self.database();
        let attrs: String = db
            .query_row("SELECT attrs FROM old WHERE obj_id = ?1", [id], |row| row.get(0))
            .unwrap();
        let mut item = json!({"object": serde_json::from_str::<Value>(&attrs).unwrap()});
        change(&mut item);
        db.execute(
            "UPDATE old SET attrs = ?2 WHERE obj_id = ?1",
            params![id, item["object"].to_string()],
        )
        .unwrap();
    }

    /// A change that the connector had not begun with.
    pub fn pending(&self, item: &Value) {
        if self.layout == Layout::Files {
            let path = self.dir().join("listener/2025-06-01-12-00-00-000000.json");
            std::fs::write(path, item.to_string()).unwrap();
        } else {
            self.task(item, "2025-06-01 12:00:00.000000");
        }
    }

    pub fn task(&self, item: &Value, at: &str) {
        let sql = "INSERT INTO tasks (obj_id, udm_module, dn, attrs, created_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let (id, module, dn, attrs) = row(item, self.layout);
        self.database().execute(sql, params![id, module, dn, attrs, at]).unwrap();
    }

    pub fn refused(&self, item: &Value, at: &str) {
        let sql = "INSERT INTO morgue (obj_id, udm_module, dn, attrs, error_msg, timestamp) \
                   VALUES (?1, ?2, ?3, ?4, 'Traceback (most recent call last): …', ?5)";
        let (id, module, dn, attrs) = row(item, self.layout);
        self.database().execute(sql, params![id, module, dn, attrs, at]).unwrap();
    }
}

/// obj_id, udm_module, dn, attrs
fn row(item: &Value, layout: Layout) -> (String, String, String, Option<String>) {
    let text = |name: &str| item[name].as_str().unwrap().to_owned();
    let attrs = match &item["object"] {
        Value::Null if layout == Layout::Database4 => None,
        object => Some(object.to_string()),
    };
    (text("id"), text("udm_object_type"), text("dn").to_lowercase(), attrs)
}

/// An item with what the connector adds once it is in OX.
fn enriched(world: &World, item: &Value) -> Value {
    let mut item = item.clone();
    let object = item["object"].clone();
    match item["udm_object_type"].as_str().unwrap() {
        "users/user" if object["isOxUser"] == "OK" => {
            let name = object["username"].as_str().unwrap();
            let context = object["oxContext"].as_str().unwrap().parse().unwrap();
            item["object"]["oxDbId"] = json!(number(world, context, "users", name));
            item["object"]["oxDbUsername"] = json!(name);
        }
        "oxmail/shared_account" => {
            let name = object["name"].as_str().unwrap();
            let context = object["oxContext"].as_str().unwrap().parse().unwrap();
            item["object"]["oxDbId"] = json!(number(world, context, "sharedAccounts", name));
            item["object"]["oxDbName"] = json!(name);
        }
        "groups/group" => item["object"]["oxDbGroupname"] = object["name"].clone(),
        _ => {}
    }
    item
}
