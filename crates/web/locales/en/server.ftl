# What handlers say: results of actions, problems of forms.
