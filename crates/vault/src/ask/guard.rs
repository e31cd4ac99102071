//! What is let in: questions only, of a size that people and pages ask.
//!
//! The planner works before any limit of memory and time can reach it, so what could make it work without end is refused by counting: a
//! chain of operators is a tree as deep as it is long, and each common table expression is planned again wherever it is named.

use super::Scope;
use super::error::{AskError, nearest, syntax};
use datafusion::common::{DataFusionError, TableReference};
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{self, SetExpr, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use model::event::Table;
use std::ops::ControlFlow;

const MOST_BYTES: usize = 100_000;
const MOST_TOKENS: usize = 20_000;
const MOST_OPERATORS: usize = 1_000;
const MOST_SELECTS: usize = 64;
const MOST_TABLES: usize = 24;
const DEPTH: usize = 50;

/// The schema with the columns that `select *` does not show.
pub(crate) const RAW: &str = "raw";
/// What the engine tells of itself.
pub(crate) const INFORMATION: &str = "information_schema";

/// A statement that may be planned.
#[derive(Debug)]
pub(crate) struct Checked {
    pub statement: Statement,
    /// A question with rows, so that a limit can be put on it; otherwise an explanation or a description.
    pub rows: bool,
    /// Tables whose data is needed.
    pub tables: Vec<Table>,
}

fn refused(what: impl Into<String>) -> AskError {
    AskError::ReadOnly { what: what.into() }
}

fn involved(what: impl Into<String>) -> AskError {
    AskError::TooInvolved { what: what.into() }
}

/// Reads a question and decides whether it may be asked.
pub(crate) fn check(sql: &str, scope: &Scope) -> Result<Checked, AskError> {
    if sql.len() > MOST_BYTES {
        return Err(involved(format!("{} bytes of SQL, at most {MOST_BYTES}", sql.len())));
    }
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().map_err(|e| AskError::Syntax {
        line: e.location.line,
        column: e.location.column,
        what: e.message,
    })?;
    count(&tokens)?;
    let parser = DFParserBuilder::new(sql).with_dialect(&GenericDialect {}).with_recursion_limit(DEPTH).build();
    let mut statements = parser.and_then(|mut p| p.parse_statements()).map_err(|e| parse_error(&e))?;
    if statements.len() > 1 {
        return Err(refused("more than one statement at once"));
    }
    let Some(statement) = statements.pop_front() else {
        return Err(AskError::Syntax { line: 0, column: 0, what: String::from("nothing was asked") });
    };
    let rows = kind(&statement)?;
    let (references, _) = resolve_table_references(&statement, true).map_err(|e| parse_error(&e))?;
    let mut tables = Vec::new();
    for reference in references {
        if let Some(table) = table(&reference, scope)?
            && !tables.contains(&table)
        {
            tables.push(table);
        }
    }
    Ok(Checked { statement, rows, tables })
}

fn parse_error(e: &DataFusionError) -> AskError {
    match e.find_root() {
        DataFusionError::SQL(e, _) => syntax(e),
        other => AskError::Wrong { what: other.strip_backtrace() },
    }
}

fn count(tokens: &[TokenWithSpan]) -> Result<(), AskError> {
    let (mut operators, mut selects, mut all, mut stars) = (0, 0, 0, 0);
    for token in tokens {
        // Each may stand for every column of a table.
        stars += usize::from(token.token == Token::Mul);
        if stars > 32 {
            return Err(involved("more than 32 times '*'"));
        }
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::Word(w) => match w.keyword {
                Keyword::SELECT => selects += 1,
                Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::IS
                | Keyword::WHEN
                | Keyword::BETWEEN => {
                    operators += 1;
                }
                Keyword::CUBE => return Err(involved("cube")),
                Keyword::RECURSIVE => return Err(involved("recursive queries are not answered")),
                _ => {}
            },
            Token::Comma
            | Token::LParen
            | Token::RParen
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Period
            | Token::SemiColon => {}
            _ => operators += 1,
        }
        all += 1;
    }
    let limits = [(all, MOST_TOKENS, "words"), (operators, MOST_OPERATORS, "operators"), (selects, MOST_SELECTS, "selects")];
    match limits.iter().find(|(n, most, _)| n > most) {
        Some((n, most, what)) => Err(involved(format!("{n} {what}, at most {most}"))),
        None => Ok(()),
    }
}

/// Whether it has rows of its own to limit; an error where it is no question.
fn kind(statement: &Statement) -> Result<bool, AskError> {
    let statement = match statement {
        Statement::Statement(s) => s,
        Statement::Explain(e) => {
            kind(&e.statement)?;
            return Ok(false);
        }
        Statement::CreateExternalTable(_) => return Err(refused("create external table")),
        Statement::CopyTo(_) => return Err(refused("copy")),
        Statement::Reset(_) => return Err(refused("reset")),
    };
    let mut inside = Inside { tables: 0 };
    if let ControlFlow::Break(e) = statement.visit(&mut inside) {
        return Err(*e);
    }
    match &**statement {
        ast::Statement::Query(_) => Ok(true),
        ast::Statement::ExplainTable { .. }
        | ast::Statement::ShowTables { .. }
        | ast::Statement::ShowColumns { .. }
        | ast::Statement::ShowFunctions { .. } => Ok(false),
        other => {
            let text = other.to_string().to_lowercase();
            Err(refused(text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")))
        }
    }
}

struct Inside {
    tables: usize,
}

impl Visitor for Inside {
    type Break = Box<AskError>;

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<Self::Break> {
        if !query.locks.is_empty() {
            return ControlFlow::Break(Box::new(refused("for update")));
        }
        if query.with.as_ref().is_some_and(|w| w.recursive) {
            return ControlFlow::Break(Box::new(involved("recursive queries are not answered")));
        }
        let mut bodies = vec![&*query.body];
        while let Some(body) = bodies.pop() {
            match body {
                SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                    return ControlFlow::Break(Box::new(refused("a change inside a question")));
                }
                SetExpr::SetOperation { left, right, .. } => bodies.extend([&**left, &**right]),
                _ => {}
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &ast::Select) -> ControlFlow<Self::Break> {
        if select.into.is_some() {
            return ControlFlow::Break(Box::new(refused("select into")));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &ast::TableFactor) -> ControlFlow<Self::Break> {
        self.tables += 1;
        if self.tables > MOST_TABLES {
            return ControlFlow::Break(Box::new(involved(format!("more than {MOST_TABLES} tables"))));
        }
        let function = match factor {
            ast::TableFactor::Table { name, args: Some(_), .. } | ast::TableFactor::Function { name, .. } => Some(name.to_string()),
            ast::TableFactor::TableFunction { expr, .. } => Some(expr.to_string().chars().take(40).collect()),
            ast::TableFactor::UNNEST { .. } => Some(String::from("unnest")),
            _ => None,
        };
        match function {
            Some(name) => ControlFlow::Break(Box::new(AskError::NoFunction { name, nearest: None })),
            None => ControlFlow::Continue(()),
        }
    }
}

fn table(reference: &TableReference, scope: &Scope) -> Result<Option<Table>, AskError> {
    let name = reference.table();
    let no_table = || AskError::NoTable {
        name: reference.to_string(),
        nearest: nearest(name, Table::ALL.into_iter().filter(|t| scope.may(*t)).map(Table::name)),
    };
    if reference.catalog().is_some_and(|c| c != super::CATALOG) {
        return Err(no_table());
    }
    match reference.schema() {
        None | Some(super::SCHEMA) => {}
        Some(RAW) if scope.raw() => {}
        Some(RAW) => return Err(AskError::NotAllowed { what: format!("raw.{name}") }),
        Some(INFORMATION) => return Ok(None),
        Some(_) => return Err(no_table()),
    }
    let table = Table::from_name(name).ok_or_else(no_table)?;
    if !scope.may(table) {
        return Err(AskError::NotAllowed { what: format!("the table {name}") });
    }
    Ok(Some(table))
}
