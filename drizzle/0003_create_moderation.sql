CREATE TABLE "moderation_decisions" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "moderation_decisions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"scope" text NOT NULL,
	"subject_kind" varchar(50) NOT NULL,
	"subject_id" bigint,
	"author_id" bigint,
	"action" text NOT NULL,
	"rule_ids" bigint[] NOT NULL,
	"findings" jsonb NOT NULL,
	"state" text NOT NULL,
	"text" varchar(5000),
	"decided_by" bigint,
	"created_at" timestamp(3) with time zone NOT NULL,
	"decided_at" timestamp(3) with time zone,
	CONSTRAINT "moderation_decisions_state_known" CHECK ("moderation_decisions"."state" in ('decided', 'held', 'released', 'rejected')),
	CONSTRAINT "moderation_decisions_held_has_text" CHECK ("moderation_decisions"."state" <> 'held' or "moderation_decisions"."text" is not null),
	CONSTRAINT "moderation_decisions_has_decider" CHECK ("moderation_decisions"."state" in ('decided', 'held') = ("moderation_decisions"."decided_by" is null))
);
--> statement-breakpoint
CREATE TABLE "moderation_rules" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "moderation_rules_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"name" varchar(100) NOT NULL,
	"kind" text NOT NULL,
	"action" text NOT NULL,
	"scopes" jsonb NOT NULL,
	"language" text,
	"settings" jsonb NOT NULL,
	"score" real NOT NULL,
	"enabled" boolean NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp(3) with time zone NOT NULL,
	"updated_at" timestamp(3) with time zone NOT NULL,
	"removed_at" timestamp(3) with time zone,
	CONSTRAINT "moderation_rules_kind_known" CHECK ("moderation_rules"."kind" in ('word', 'pattern', 'link', 'caps', 'repetition', 'mentions', 'flood')),
	CONSTRAINT "moderation_rules_action_known" CHECK ("moderation_rules"."action" in ('allow', 'warn', 'censor', 'hold', 'block', 'mute', 'ban')),
	CONSTRAINT "moderation_rules_score_is_share" CHECK ("moderation_rules"."score" between 0 and 1)
);
--> statement-breakpoint
CREATE TABLE "moderation_strikes" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "moderation_strikes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"user_id" bigint NOT NULL,
	"weight" real NOT NULL,
	"at" timestamp(3) with time zone NOT NULL,
	CONSTRAINT "moderation_strikes_weight_positive" CHECK ("moderation_strikes"."weight" > 0)
);
--> statement-breakpoint
ALTER TABLE "moderation_decisions" ADD CONSTRAINT "moderation_decisions_author_id_users_id_fk" FOREIGN KEY ("author_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "moderation_decisions" ADD CONSTRAINT "moderation_decisions_decided_by_users_id_fk" FOREIGN KEY ("decided_by") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "moderation_strikes" ADD CONSTRAINT "moderation_strikes_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idx_moderation_decisions_held" ON "moderation_decisions" USING btree ("created_at" DESC NULLS FIRST,"id" DESC NULLS FIRST) WHERE "moderation_decisions"."state" = 'held';--> statement-breakpoint
CREATE INDEX "idx_moderation_decisions_author" ON "moderation_decisions" USING btree ("author_id","created_at" DESC NULLS FIRST);--> statement-breakpoint
CREATE INDEX "idx_moderation_decisions_subject" ON "moderation_decisions" USING btree ("subject_kind","subject_id");--> statement-breakpoint
CREATE UNIQUE INDEX "idx_moderation_rules_name" ON "moderation_rules" USING btree (lower("name")) WHERE "moderation_rules"."removed_at" is null;--> statement-breakpoint
CREATE INDEX "idx_moderation_strikes_user" ON "moderation_strikes" USING btree ("user_id","at");